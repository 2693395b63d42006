"""Days of a clinic through the real exchange on the fake pair: nobody is lost, whatever happens,
and callers of the desk wait as long as the theory of waiting says. `make proof-clinic` has months.
"""

from tests.clinic.agreement import compared
from tests.clinic.month import Month

SEEDS = range(1, 7)


def test_over_six_days_nobody_is_lost_and_waits_are_as_long_as_erlang_says() -> None:
    """That each call is counted once, the clinic itself sees to after each step."""
    lives = []
    for seed in SEEDS:
        life = Month(seed)
        days = life.lives(1)
        assert days.whole.holds_sum
        assert days.whole.offered == life.played.finished.total()
        assert days.whole.outcomes == {**days.whole.outcomes, **life.played.finished}
        # Each kind of end is reached; the day is not one of smooth talks only.
        assert all(getattr(days.whole, end) for end in ("answered", "abandoned", "self_served"))
        lives.append(days)
    assert lives[0] == Month(SEEDS[0]).lives(1)  # a seed is a life
    assert lives[0] != lives[1]
    assert [str(one) for one in compared([days.desk for days in lives]) if not one.holds] == []

"""Who tells which tests: each is told, and what keeps real time by nobody of the lower priority."""

from tests.lanes import next_of

TOWN, MEDIA = "tests/system/test_calls.py", "tests/routing_core/test_media.py"
RULES, TIDY = "tests/ivr/test_call.py", "tests/house/test_linters.py::test_clang_tidy_finds_nothing"
ALL = (RULES, MEDIA, TIDY, TOWN)


def told_by(*workers: str, of: int = 4) -> dict[str, list[str]]:
    """What each has told, when they take turns until none has anything left."""
    left, told = list(ALL), {worker: list[str]() for worker in workers}
    while chosen := [(worker, scope) for worker in workers if (scope := next_of(left, worker, of))]:
        worker, scope = chosen[0]
        left.remove(scope)
        told[worker].append(scope)
    assert left == []
    return told


def test_one_worker_tells_all_and_what_keeps_real_time_first() -> None:
    assert {*told_by("gw0")["gw0"][:2]} == {TOWN, MEDIA}


def test_a_computing_worker_never_tells_what_keeps_real_time() -> None:
    told = told_by("gw2", "gw0")
    assert {*told["gw2"]} == {RULES, TIDY}
    assert {*told["gw0"]} == {TOWN, MEDIA}


def test_a_worker_that_stands_in_for_a_lost_one_tells_anything() -> None:
    assert {*told_by("gw4")["gw4"]} == {*ALL}


def test_of_five_workers_three_keep_real_time_and_of_two_both() -> None:
    assert {*told_by("gw2", of=5)["gw2"]} == {*ALL}
    assert {*told_by("gw3", "gw2", of=5)["gw3"]} == {RULES, TIDY}
    assert {*told_by("gw1", of=2)["gw1"]} == {*ALL}

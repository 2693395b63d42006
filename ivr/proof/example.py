"""A call that shows a fault: what `careline simulate` has to be told to walk it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ivr.plan import Plan
from ivr.simulate import Phones, simulate


@dataclass(frozen=True, slots=True)
class Example:
    """The line called, the clinic's local time, what the caller does, what the phones do, and the
    schedules that are switched by hand."""

    line: str
    at: datetime
    press: str = ""
    phones: Phones = Phones.ANSWER
    by_hand: tuple[tuple[str, bool], ...] = ()

    def __str__(self) -> str:
        """As it is typed behind `careline simulate clinic.toml`."""
        typed = [f'--line {self.line} --at "{typed_time(self.at)}"']
        if self.press:
            typed.append(f'--press "{self.press}"')
        if self.phones is not Phones.ANSWER:
            typed.append(f"--phones {self.phones}")
        typed += [f"--by-hand {name}={'open' if is_open else 'closed'}"
                  for name, is_open in self.by_hand]  # fmt: skip
        return " ".join(typed)


def typed_time(local: datetime) -> str:
    """A local time as it is read again; in the hour that comes twice, with what tells which."""
    seconds = ":%S" if local.second else ""
    offset = "%z" if local.fold else ""
    return local.strftime(f"%Y-%m-%d %H:%M{seconds}{offset}")


def walked(plan: Plan, words: Mapping[str, Mapping[str, str]], example: Example) -> list[str]:
    """The call as lines to read."""
    what = example.press, example.phones
    return simulate(plan, words, example.line, example.at, *what, by_hand=dict(example.by_hand))

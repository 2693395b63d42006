"""What the real exchange does in a story, written down as ledger rows, and what they come to."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from firmware.figures import By, Course, Marks, Tally, added_up, counted, course
from firmware.ledger import OFFERED, OUTCOME, Arrived, Finished, Moment, Noted, Row, Step
from ivr import commands, events
from ivr.commands import Outcome
from ivr.offering import Ringing
from ivr.plan import Plan
from tests.ivr.story import NOON, Clinic


class Diary(Clinic):
    """A clinic whose exchange's every word becomes a ledger's row, at the moment it is said."""

    def __init__(self, began: datetime = NOON, plan: Plan | None = None) -> None:
        super().__init__(plan)
        self.rows: list[Row] = []
        self.numbers: dict[str, str] = {}
        self._began, self._known = began - timedelta(seconds=self.now), set[str]()

    def hears(self, *told: events.Event) -> list[commands.Command]:
        said: list[commands.Command] = []
        for event in told:
            if isinstance(event, events.CallArrived) and event.call not in self._known:
                self._known.add(event.call)
                number = self.numbers.get(event.call, "")
                self.rows.append(
                    Arrived(event.call, event.line, "2025550100", number, "", self.moment())
                )
            said += self._written(self.exchange.receive(event, self.now, NOON))
        return said

    def waits(self, seconds: float) -> list[commands.Command]:
        end, said = self.now + seconds, list[commands.Command]()
        while (due := self.exchange.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            said += self._written(self.exchange.time_came(self.now, NOON))
        self.now = end
        return said

    def moment(self) -> Moment:
        return Moment(self._began + timedelta(seconds=self.now), round(self.now * 1000))

    def wall_jumps(self, by: timedelta) -> None:
        self._began += by

    def talks(self, name: str) -> None:
        """Whoever is offered the call picks up."""
        offers = self.exchange.offers.values()
        offer = next(o.id for o in offers if o.call == name and o.state is Ringing.OPEN)
        self.hears(events.OfferAccepted(offer), events.Joined(name, offer))

    def leaves(self, name: str) -> None:
        self.hears(events.CallerLeft(name))

    def _written(self, said: list[commands.Command]) -> list[commands.Command]:
        for command in said:
            match command:
                case commands.Note(call=call, step=step, detail=detail):
                    self.rows.append(Noted(call, step, detail, self.moment()))
                case commands.Finish(call=call, outcome=outcome):
                    self.rows.append(Finished(call, outcome, self.moment()))
                case _:
                    pass
        self.said += said
        return said


def courses_of(rows: Iterable[Row]) -> list[Course]:
    """Read as they would be from the ledger."""
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    arrived: dict[str, Arrived] = {}
    outcomes: dict[str, Outcome] = {}
    for number, row in enumerate(rows):
        match row:
            case Arrived():
                arrived[row.call] = row
                word, detail = OFFERED, ""
            case Noted():
                word, detail = row.step, row.detail
            case Finished():
                outcomes[row.call] = row.outcome
                word, detail = OUTCOME, row.outcome.value
            case _:
                raise AssertionError(row)
        at, mono_ms = row.moment.text, row.moment.mono_ms
        steps[row.call].append(Step(number, row.call, at, mono_ms, word, detail))
    return [
        course(row.line, row.moment.at, outcomes.get(call), steps[call])
        for call, row in arrived.items()
    ]


def tallies(rows: Iterable[Row]) -> dict[tuple[By, str], Tally]:
    marks: defaultdict[tuple[By, str], list[Marks]] = defaultdict(list)
    for one in courses_of(rows):
        for key, each in counted(one):
            marks[key].append(each)
    return {key: added_up(each) for key, each in marks.items()}

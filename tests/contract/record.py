"""In which orders the real pair tells its facts: `python -m tests.contract.record TIMES`.

Tells all stories so many times on two real Asterisks, overhears the exchange, and writes the orders
that were seen, with how often, for the fake pair to tell them alike. With the names of stories
behind it, only those are told, and only what never happened before is added.
"""

import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware.asterisk.fake import Means
from firmware.asterisk.orders import ORDERS, Happening, Order, Orders, Word, read, written
from ivr.events import Passing, PhoneState, Refusal
from tests.contract import on_pair, site
from tests.contract.on_pair import OnPair
from tests.contract.overheard import FILE, append
from tests.contract.stories_all import STORIES, STRUCK
from tests.contract.world import ANNA, Strike
from tests.system.town import Town

ENDS = {
    Refusal.BUSY: Happening.BUSY,
    Refusal.REFUSED: Happening.REFUSES,
    Refusal.SILENT: Happening.IN_VAIN,
    Refusal.UNREACHABLE: Happening.ABSENT,
    Refusal.WITHDRAWN: Happening.WITHDRAWN,
}
HANGS_UP, PUTS_DOWN, STRUCK_AT = "hangs-up", "puts-down", "struck"
SENT_BY = {Means.KEY: Happening.PASSED_ON, Means.CODE: Happening.KEYED_ON}
HANDED_BY = {Means.KEY: Happening.HANDED_OVER, Means.CODE: Happening.KEYED_OVER}


class Marking(OnPair):
    """Writes down who ends what, at the moment it is done."""

    async def hangs_up(self, who: str = ANNA) -> None:
        append(self.here.place.home, [f"{HANGS_UP} {self.call_of(who)}"])
        await super().hangs_up(who)

    async def puts_down(self, phone: str) -> None:
        append(self.here.place.home, [f"{PUTS_DOWN} {self.extension_of(phone)}"])
        await super().puts_down(phone)

    async def passes_on(self, phone: str, to: str, by: Means) -> None:
        self._marks(by, phone)
        await super().passes_on(phone, to, by)

    async def asks(self, phone: str, to: str, by: Means) -> None:
        self._marks(by, phone)
        await super().asks(phone, to, by)

    async def breaks(self, what: Strike) -> None:
        append(self.here.place.home, [f"{STRUCK_AT} {call}" for call in self.calls_of()])
        await super().breaks(what)

    def _marks(self, by: Means, phone: str) -> None:
        append(self.here.place.home, [f"{by.name} {self.extension_of(phone)}"])


@dataclass(frozen=True, slots=True)
class _Line:
    at: int
    word: str
    names: tuple[str, ...]


class Heard:
    """All that was overheard, line by line."""

    def __init__(self, text: str) -> None:
        self._lines = [
            _Line(at, word, tuple(names))
            for at, (word, *names) in enumerate(map(str.split, text.splitlines()))
        ]
        self._about: defaultdict[str, list[_Line]] = defaultdict(list)
        for line in self._lines:
            for name in line.names:
                self._about[name].append(line)

    def orders(self) -> Orders:
        """How often each order was seen, by what happened."""
        found: defaultdict[Happening, Counter[Order]] = defaultdict(Counter)
        for line in self._lines:
            for happening, order in self._seen(line):
                found[happening][order] += 1
        return found

    def _seen(self, line: _Line) -> Iterable[tuple[Happening, Order]]:
        match line.word:
            case "offer":
                yield from self._offer(line)
            case "left":
                yield from self._left(line, *line.names)
            case "came" if "passed" not in self._words_about(line.names[0]):
                yield Happening.COMES_BACK, self._freed({Word.CAME_BACK: line}, self._talked(line))
            case word if word == STRUCK_AT and "joined" not in self._words_about(line.names[0]):
                words = {each.word: each for each in self._about[line.names[0]]}
                lost = {Word.LOST: words["lost"]} if "lost" in words else {}
                yield Happening.ASTERISK_ENDS, _order(lost)
            case "passed":
                yield self._passed(line, *line.names)
            case "parked":
                yield Happening.PARKED, self._freed({Word.PARKED: line}, line.names[1])
            case "taken":
                yield Happening.TAKEN_UP, self._taken_up(line)

    def _passed(self, line: _Line, call: str, by: str, how: str) -> tuple[Happening, Order]:
        """By its own key or by a code, as was written down just before."""
        marks = [e for e in self._about[by] if e.at < line.at and e.word in Means.__members__]
        means = Means[marks[-1].word]
        if how != Passing.SENT:
            return HANDED_BY[means], self._freed({Word.PASSED: line}, by)
        (sent,) = self._nearest(line, self._about[call], "sent")[:1]
        return SENT_BY[means], self._freed({Word.PASSED: line, Word.SENT_ON: sent}, by)

    def _talked(self, line: _Line) -> str:
        """The telephone of the talk before it."""
        joined = [e for e in self._about[line.names[0]] if e.word == "joined" and e.at < line.at]
        (offered,) = (e for e in self._about[joined[-1].names[1]] if e.word == "offer")
        return offered.names[2]

    def _freed(self, words: dict[Word, _Line], extension: str) -> Order:
        """They came as the telephone was free again."""
        (line, *_) = words.values()
        return _order(words, self._nearest(line, self._about[extension]), PhoneState.IDLE)

    def _taken_up(self, line: _Line) -> Order:
        states = self._nearest(line, self._about[line.names[1]])
        return _order({Word.PARKED: line}, states, PhoneState.IN_USE)

    def _words_about(self, name: str) -> set[str]:
        return {each.word for each in self._about[name]}

    @staticmethod
    def _nearest(line: _Line, others: Sequence[_Line], word: str = "phone") -> list[_Line]:
        return sorted((e for e in others if e.word == word), key=lambda e: abs(e.at - line.at))

    def _offer(self, offered: _Line) -> Iterable[tuple[Happening, Order]]:
        offer, _, extension = offered.names
        about = {each.word: each for each in self._about[offer]}
        after = [each for each in self._about[extension] if each.at > offered.at]
        nexts = [each.at for each in after if each.word == "offer"]
        until = min(nexts, default=len(self._lines))
        states = [each for each in after if each.word == "phone" and each.at < until]
        if rang := about.get("rang"):
            yield Happening.RINGS, _order({Word.RANG: rang}, states, PhoneState.RINGING)
        if accepted := about.get("accepted"):
            yield Happening.ANSWERS, _order({Word.ACCEPTED: accepted}, states, PhoneState.IN_USE)
        if ended := about.get("ended"):
            happening = ENDS[Refusal(ended.names[1])]
            yield happening, _order({Word.ENDED: ended}, states, PhoneState.IDLE)

    def _left(self, left: _Line, call: str) -> Iterable[tuple[Happening, Order]]:
        about = {each.word: each for each in self._about[call] if each.at != left.at}
        came = max(
            (each.at for word, each in about.items() if word in ("came", "sent")), default=-1
        )
        if (joined := about.get("joined")) and joined.at < came:
            return  # after a talk, and not of it
        if about.keys() & {"passed", "parked", STRUCK_AT}:
            return  # with another telephone, or with none
        if joined:
            (offered,) = (e for e in self._about[joined.names[1]] if e.word == "offer")
            extension = offered.names[2]
            later = [each for each in self._about[extension] if each.at > joined.at]
            put_down = any(each.word == PUTS_DOWN and each.at < left.at for each in later)
            if put_down and HANGS_UP in about and about[HANGS_UP].at < left.at:
                return  # both at once
            happening = Happening.AGENT_ENDS if put_down else Happening.CALLER_ENDS
            states = [each for each in later if each.word == "phone"]
            yield happening, _order({Word.LEFT: left}, states, PhoneState.IDLE)
        elif HANGS_UP in about and (recorded := about.get("recorded")):
            if recorded.at > about[HANGS_UP].at:
                yield Happening.CUT_OFF, _order({Word.LEFT: left, Word.RECORDED: recorded})
        elif HANGS_UP in about and not about.keys() & {"record", "fell", STRUCK_AT}:
            lost = {Word.LOST: about["lost"]} if "lost" in about else {}
            yield Happening.LEAVES, _order({Word.LEFT: left, **lost})


def _order(
    facts: dict[Word, _Line], states: Sequence[_Line] = (), state: PhoneState | None = None
) -> Order:
    """The facts as they came, and among them the telephone's first state of this kind."""
    told = next((each for each in states if state and each.names[1:] == tuple(state.split())), None)
    lines = facts | ({Word.PHONE: told} if told else {})
    return tuple(sorted(lines, key=lambda word: lines[word].at))


async def _tell(here: Town, names: Sequence[str]) -> None:
    async with on_pair.lanes(here, Marking) as lanes:
        told = await lanes.tell({name: STORIES[name] for name in names if name in STORIES})
        if Strike.ASTERISK in names:
            told += await lanes.tell_together(STRUCK[Strike.ASTERISK])
    for each in told:
        if isinstance(each, BaseException):
            raise each


def main(times: int, *names: str) -> None:
    """Writes the orders beside the fake pair."""
    stories = names or (*STORIES, Strike.ASTERISK)
    with (
        tempfile.TemporaryDirectory() as folder,
        on_pair.build(Path(folder, "town")) as here,
    ):
        for _ in range(times):
            here.run(_tell(here, stories))
        orders = Heard(here.place.home.joinpath(FILE).read_text("utf-8")).orders()
        made = (
            f"# How often the real pair told its facts in which order: {len(stories)} stories,"
            f" {times} times each, {site.LANES} at once.\n"
            f"# {here.spoke_to[0].upper()}{here.spoke_to[1:]}; made by:"
            f" python -m tests.contract.record {times}{' NAMES' if names else ''}\n"
        )
    before = ORDERS.read_text("utf-8") if names else ""
    new = {happening: seen for happening, seen in orders.items() if happening not in read(before)}
    ORDERS.write_text(before + made + written(new), "utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])

"""What the site file says of the numbers inside the clinic, as far as no single form can see it.

A line leads to a flow or to a telephone; a telephone's mailbox exists; the numbers of queues and
mailboxes are nobody else's, and none of them hides a telephone, an emergency number or a number
outside.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from firmware.forms import Extension, Label, Number, Strict, Word
from firmware.toml_lines import Path
from ivr import plan
from ivr.canary import SELFTEST
from ivr.inside import INSIDE

BLOCKED_MOST = 500


class BlockingForm(Strict):
    """Callers who are asked before anybody is rung for them."""

    numbers: Annotated[
        tuple[Number, ...],
        Field(max_length=BLOCKED_MOST, description=f"a list of up to {BLOCKED_MOST} numbers"),
    ] = ()
    anonymous: Annotated[
        Literal["admit", "ask"], Field(description='"admit" or "ask", for who shows no number')
    ] = "admit"

    def blocking(self) -> plan.Blocking:
        return plan.Blocking(self.numbers, self.anonymous == "ask")


class PageForm(Strict):
    """Telephones that are spoken to all at once, and a loudspeaker."""

    number: Extension
    phones: Annotated[
        tuple[Extension, ...] | None,
        Field(min_length=1, max_length=50, description="a list of 1 to 50 extensions; all without"),
    ] = None
    speaker: Word | None = None

    def spoken_to(self, phones: Iterable[str]) -> tuple[str, ...]:
        """Those named, else all of these; a loudspeaker alone where it is named and they are
        not."""
        return self.phones or (() if self.speaker else tuple(phones))


class WrapUpForm(Strict):
    """What agents say of their talks: a digit for each word."""

    codes: Annotated[
        dict[Annotated[str, Field(pattern="^[0-9]$", description="a digit")], Label],
        Field(max_length=10, description='digits with words: { 1 = "refill", 2 = "booked" }'),
    ]


Tell = Callable[[Path, str, str], None]
MustExist = Callable[[str, Iterable[str], Path], None]
OWN_LINES = (INSIDE, SELFTEST)


@dataclass(frozen=True, slots=True)
class InsideReading:
    """Tells what is wrong with the numbers inside."""

    tell: Tell
    must_exist: MustExist

    def check_lines(self, lines: Mapping[str, plan.Line]) -> None:
        for name, line in lines.items():
            path = ("lines", name)
            if name in OWN_LINES:
                self.tell(path, f"{name} is a line of the exchange's own", "give it another name")
            match line.flow, line.phone:
                case "", None:
                    cure = 'add flow = "main", or phone = "104" for somebody\'s own number'
                    self.tell(path, "callers of this line come nowhere", cure)
                case "", phone:
                    self.must_exist("phones", (str(phone),), (*path, "phone"))
                case flow, None:
                    self.must_exist("flows", (flow,), (*path, "flow"))
                case _:
                    reason = "has a flow and a phone"
                    self.tell((*path, "phone"), reason, "keep the one to which callers shall come")

    def check_faxes(
        self,
        phones: Mapping[str, plan.Phone],
        lines: Mapping[str, plan.Line],
        rung: Iterable[tuple[tuple[str, ...], Iterable[str]]],
    ) -> None:
        """No person is looked for at a fax machine: `rung` has who is to answer, and where it is
        written."""
        faxes = {extension for extension, phone in phones.items() if phone.fax}
        for extension in sorted(faxes):
            if phones[extension].browser:
                path = ("phones", extension, "fax")
                self.tell(path, "a fax machine is not in the browser", "leave one of the two out")
        for where, extensions in rung:
            for extension in faxes.intersection(extensions):
                reason = f"nobody answers at {extension}: it is a fax machine"
                self.tell(where, reason, "name a telephone instead")
        for name, line in lines.items():
            if line.phone not in faxes:
                continue
            if line.modem:
                reason = "no fax comes by a modem"
                self.tell(("lines", name, "modem"), reason, "take a line of a trunk for it")
            if line.recording and line.recording.when is not plan.Recorded.NEVER:
                reason = "a fax line is not recorded"
                self.tell(("lines", name, "record"), reason, "say nothing of recording there")

    def check_recordings(self, section: str, rules: Mapping[str, plan.Recording | None]) -> None:
        """Somebody may listen to what is recorded, and nobody else."""
        for name, rule in rules.items():
            if rule is None or rule.when is plan.Recorded.NEVER:
                continue
            if rule.mailbox:
                self.must_exist("mailboxes", (rule.mailbox,), (section, name, "recordings"))
            else:
                reason = "its talks are recorded, and nothing says who may listen to them"
                cure = 'add recordings = "…", a mailbox of [mailboxes]'
                self.tell((section, name, "record"), reason, cure)

    def check_words(
        self,
        queues: Mapping[str, plan.Queue],
        flows: Mapping[str, plan.Flow],
        prompts: Iterable[str],
        language: str,
    ) -> None:
        """What is whispered can be spoken, in the language of the clinic's own people."""
        known = set(prompts)
        for path, whisper in (*_of_queues(queues), *_of_menus(flows)):
            if whisper not in known:
                cure = f"add it to [prompts.{language}], or name another"
                self.tell(path, f"there is no prompt {whisper}", cure)
        for path, menu in _menus(flows):
            for key in sorted(menu.about.keys() - menu.choices.keys()):
                cure = "give this key a choice, or take its word away"
                self.tell((*path, "about", key), f"key {key} leads nowhere in this menu", cure)

    def check_numbers(
        self,
        phones: Mapping[str, plan.Phone],
        queues: Mapping[str, plan.Queue],
        mailboxes: Mapping[str, plan.Mailbox],
        emergency: Iterable[str],
        parking: plan.Parking,
        pages: Mapping[str, PageForm],
        rules: Iterable[plan.DialRule],
    ) -> None:
        for number in filter(parking.takes, phones):
            cure = "give this phone another extension, or move clinic.parking elsewhere"
            self.tell(("phones", number), f"{number} is a parking slot", cure)
        for name, phone in phones.items():
            if phone.mailbox is not None:
                self.must_exist("mailboxes", (phone.mailbox,), ("phones", name, "mailbox"))
        for name, page in pages.items():
            self.must_exist("phones", page.phones or (), ("pages", name, "phones"))
        taken = {number: f"the phone {number}" for number in phones}
        taken |= dict.fromkeys(emergency, "an emergency number")
        for path, number, whose in _numbers(queues, mailboxes, pages):
            other = taken.setdefault(number, whose)
            if other != whose:
                self.tell(path, f"{number} is {other}", "give it a number that nobody has")
            elif parking.takes(number):
                reason = f"{number} is a parking slot, or the number that parks"
                self.tell(path, reason, "give it another, or move clinic.parking elsewhere")
            elif any(_dials_out(rule, number) for rule in rules):
                reason = f"{number} is dialled to the outside by a dial rule"
                self.tell(path, reason, "give it a number that no rule takes")


Whispers = Iterator[tuple[Path, str]]


def _of_queues(queues: Mapping[str, plan.Queue]) -> Whispers:
    for name, queue in queues.items():
        if queue.whisper is not None:
            yield ("queues", name, "whisper"), queue.whisper


def _of_menus(flows: Mapping[str, plan.Flow]) -> Whispers:
    for path, menu in _menus(flows):
        for key, prompt in menu.about.items():
            yield (*path, "about", key), prompt


def _menus(flows: Mapping[str, plan.Flow]) -> Iterator[tuple[Path, plan.Menu]]:
    for flow in flows.values():
        for name, node in flow.nodes.items():
            if isinstance(node, plan.Menu):
                yield ("flows", flow.name, "nodes", name), node


def _numbers(
    queues: Mapping[str, plan.Queue],
    mailboxes: Mapping[str, plan.Mailbox],
    pages: Mapping[str, PageForm],
) -> Iterator[tuple[Path, str, str]]:
    for name, queue in queues.items():
        if queue.number is not None:
            yield ("queues", name, "number"), queue.number, f"the number of the queue {name}"
    for name, mailbox in mailboxes.items():
        if mailbox.number is not None:
            path = ("mailboxes", name, "number")
            yield path, mailbox.number, f"the number of the mailbox {name}"
    for name, page in pages.items():
        yield ("pages", name, "number"), page.number, f"the number of the page {name}"


def _dials_out(rule: plan.DialRule, number: str) -> bool:
    return number.startswith(rule.prefix) and rule.dials(number.removeprefix(rule.prefix))

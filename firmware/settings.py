"""The site file's door: `clinic.toml` in, a frozen `ivr.plan.Plan` out, or every fault of the file
at once.

A fault names its line, its reason and its cure. Nothing that passes here can carry a line break or
a character that Asterisk's configuration gives a meaning to; only the words of prompts are free,
and they reach nothing but the speech renderer. pydantic stands here and goes no further in. Whether
the flows lead callers anywhere good is not asked here: `ivr.check` proves that.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from firmware import cards, gateways, request_section, toml_lines, walks_section, words_section
from firmware.backup_section import BackupForm
from firmware.closures import CALENDAR_MAX, CalendarError, closures
from firmware.forms import (
    DEFAULT_EMERGENCY_NUMBERS,
    NODE_FORMS,
    WEEKDAYS,
    ClinicForm,
    DialRuleForm,
    ExceptionForm,
    Extension,
    FlowForm,
    HolidayForm,
    HolidaysForm,
    HoursForm,
    Label,
    LineForm,
    MailboxForm,
    PhoneForm,
    QueueForm,
    Strict,
    TrunkForm,
    Word,
    Words,
    cure_for,
    described,
)
from firmware.inside_section import BlockingForm, InsideReading, PageForm, WrapUpForm
from firmware.modems_section import (
    ModemForm,
    ModemOnlyForm,
    keys_must_be_hidden,
    must_be_accepted,
    must_be_carried,
    must_be_known,
    must_be_others,
    must_lead_somewhere,
    ports_are_apart,
)
from firmware.oncall_section import (
    EmailForm,
    OncallReading,
    PersonForm,
    must_be_layers,
    must_not_travel_open,
)
from firmware.outside_section import OutsideForm
from firmware.panel_section import PanelForm, panel_fits
from firmware.power_section import PowerForm
from firmware.providers import PROVIDERS
from firmware.public_holidays import UnknownPlaceError, public_holidays
from firmware.request_section import RequestForm, RequestWord, rules_of
from firmware.retention_section import RetentionForm
from firmware.sms_section import SmsForm, a_word_must_arrive
from firmware.speakers_section import SPEAKERS_MOST, SpeakerForm, speakers_fit
from firmware.updates_section import UpdatesForm
from ivr import callback_talk, flow, hours, plan
from ivr.form import RequestKind, RequestRule, TakeRequest, faults_of
from ivr.identity import AskIdentity
from ivr.plan import FLOW_PREFIX, Plan
from ivr.rota import Rota

SITE_FILE_MAX = 256 * 1024  # characters; a large clinic's file is under 32 KiB
STANDARD_PROMPTS = Path(__file__).parent / "prompts"
# How many of each section a file may hold. Queues are bits of the ACD's needs; the rest is what one
# box serves.
SECTION_MAX = {
    "trunks": 16,
    "modems": 4,
    "lines": 64,
    "phones": 200,
    "mailboxes": 100,
    "hours": 50,
    "queues": 32,
    "flows": 50,
    "prompts": 20,
    "pronunciation": 20,
    "people": 100,
    "pages": 20,
    "speakers": SPEAKERS_MOST,
    "requests": 6,
    walks_section.SECTION: walks_section.MOST,
}
EVERY_NODE_FORM = {**NODE_FORMS, **request_section.NODE_FORMS, **words_section.NODE_FORMS}
# Sections that are not made of named parts.
TABLES = (
    *("backup", "blocking", "clinic", "dial_rules", "email", "holidays", "modem_only", "oncall"),
    *("outside", "panel", "power", "retention", "sms", "updates", "wrap_up"),
)
SKILLS_MAX = 24  # the ACD tells 64 apart, and to be an agent of a queue is one of them
NODES_MAX = 200  # in one flow
EXCEPTIONS_MAX = 200  # in one schedule
HOLIDAYS_MAX = 100  # told otherwise
PROMPTS_MAX = 500  # in one language
PRONOUNCED_MAX = 200  # words in one language


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in the site file: the line, the place by its keys, why it is wrong, and what
    to do."""

    line: int
    where: str
    reason: str
    cure: str
    example: str = ""  # behind `careline simulate FILE`: a call that shows it

    def __str__(self) -> str:
        return f"line {self.line}: {self.where}: {self.reason}; {self.cure}"


class SiteFaults(ValueError):  # noqa: N818 - it is as many faults as there are
    """The site file cannot be used; `faults` says all that is wrong with it, in the order of its
    lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be read of a site file: its faults, and a plan of the parts without any, which is
    whole when there are none. A flow with a fault in any node is left out, with the lines that lead
    to it, so that what remains can still be proved without blaming it for what is missing."""

    plan: Plan | None
    faults: tuple[Fault, ...]
    lines: Mapping[toml_lines.Path, int]
    calendars: Mapping[str, str] = field(default_factory=dict)  # files it names, as they were read
    # The plan with the flows that have no other fault than targets that are not there: a call can
    # be imagined through them, and goes to the front desk where a target is missing.
    rough: Plan | None = None


# The text of a file that lies beside the site file, by its name. OSError: there is none.
Beside = Callable[[str], str]


def nothing_beside(name: str) -> str:
    """For a site file that stands alone."""
    raise FileNotFoundError(name)


def beside(site_file: Path) -> Beside:
    """What lies in the folder in which a site file really lies."""
    folder = site_file.resolve().parent

    def text_of(name: str) -> str:
        if not (folder / name).is_file():
            raise FileNotFoundError(name)
        with (folder / name).open(encoding="utf-8", newline="") as opened:
            # One character more than may be, so that the excess is seen and not read.
            return opened.read(CALENDAR_MAX + 1)

    return text_of


def read(text: str, beside: Beside = nothing_beside) -> Plan:
    """The plan of a site file without faults; else SiteFaults with all of them."""
    found = draft(text, beside)
    if found.faults or found.plan is None:
        raise SiteFaults(found.faults)
    return found.plan


def draft(text: str, beside: Beside = nothing_beside) -> Draft:
    """All that can be said of a site file."""
    if len(text) > SITE_FILE_MAX:
        too_long = f"the file has {len(text)} characters and may have {SITE_FILE_MAX}"
        return _unreadable(Fault(1, "file", too_long, "is this the right file?"))
    try:
        document = tomllib.loads(text)
        lines = toml_lines.lines_of(text)
    except ValueError as error:  # not only TOMLDecodeError: a number of 5,000 digits is another
        return _unreadable(_syntax_fault(text, str(error)))
    except RecursionError:
        return _unreadable(Fault(1, "file", "brackets nest too deeply", "is this the right file?"))
    reading = _Reading(document, lines, beside)
    drawn = reading.site()
    faults = tuple(sorted(set(reading.faults)))
    return Draft(drawn, faults, lines, reading.calendars, reading.rough)


@cache
def time_zones() -> frozenset[str]:
    """The names that there are; they are read from the disk."""
    return frozenset(available_timezones())


@cache
def _adapter(kind: Any) -> TypeAdapter[str]:
    return TypeAdapter[str](kind)


@cache
def standard_prompts() -> Mapping[str, Mapping[str, str]]:
    """The product's own prompts: language -> name -> words."""
    return {
        path.stem: tomllib.loads(path.read_text("utf-8"))
        for path in sorted(STANDARD_PROMPTS.glob("*.toml"))
    }


def prompts_of(site: Plan) -> Mapping[str, Mapping[str, str]]:
    """Every prompt that can be spoken on this site: the product's own and where each phone stands,
    then the site's, which win."""
    places = {phone.location_prompt: _sentence(phone.location) for phone in site.phones.values()}
    queues = {callback_talk.queue_prompt(name): name.replace("-", " ") for name in _calling(site)}
    standard = {**standard_prompts(), "en": {**standard_prompts()["en"], **places, **queues}}
    languages = standard.keys() | site.texts.keys()
    return {name: {**standard.get(name, {}), **site.texts.get(name, {})} for name in languages}


def _calling(site: Plan) -> list[str]:
    """Queues whose agents are told for which of them they are to call somebody back."""
    return [queue.name for queue in site.queues.values() if queue.callbacks]


def _sentence(location: str) -> str:
    """A place as it is said: a label has dashes where a speaker pauses."""
    return f"{location.replace(' - ', ', ').rstrip('.')}."


def _unreadable(fault: Fault) -> Draft:
    return Draft(None, (fault,), {})


def _syntax_fault(text: str, message: str) -> Fault:
    place = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", message)
    line = int(place.group(1)) if place and place.group(1) else text.count("\n") + 1
    reason = f"this is not TOML: {re.sub(r' *[(]at .*', '', message)}"
    return Fault(
        line, "file", reason, "correct this line or the one above; the rest is read after that"
    )


Form = TypeVar("Form", bound=Strict)
Part = TypeVar("Part")
Table = dict[str, Any]  # as tomllib gives it; it goes no further than _Reading


@dataclass(slots=True)
class _Reading:
    """One walk through a document, which gathers faults and goes on."""

    document: Table
    lines: Mapping[toml_lines.Path, int]
    beside: Beside
    faults: list[Fault] = field(default_factory=list)
    calendars: dict[str, str] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    readable: dict[str, plan.Flow] = field(default_factory=dict)
    rough: Plan | None = None

    def site(self) -> Plan | None:
        known = {*TABLES, *SECTION_MAX}
        for key in self.document.keys() - known:
            self._fault((key,), "is not known here", _known(key, known))
        clinic = self._clinic()
        language = clinic.language if clinic else "en"
        trunks = self._section("trunks", TrunkForm, TrunkForm.trunk)
        all_secure = clinic is not None and clinic.phones_tls
        phones = self._section(
            "phones", PhoneForm, lambda form, name: form.phone(name, all_secure), names=Extension
        )
        modems = self._section("modems", ModemForm, ModemForm.modem)
        queues = self._section("queues", QueueForm, QueueForm.queue)
        hours = self._schedules(clinic)
        mailboxes = self._section("mailboxes", MailboxForm, MailboxForm.mailbox)
        flows = self._flows()
        lines = self._section("lines", LineForm, lambda form, name: form.line(name, language))
        texts = self._texts()
        pronounced = self._pronounced()
        rules = self._dial_rules()
        people = self._section("people", PersonForm, PersonForm.person)
        rota = self._rota(clinic)
        requests = self._requests()
        written = self.document.get("email")
        email = None if written is None else self._admit(EmailForm, written, ("email",))
        mail = email.server() if email else None
        must_not_travel_open(mail, self._fault)
        must_be_carried(lines, rules, self._fault)
        must_be_known(trunks, lines, self._calling_from_elsewhere(), self._fault)
        ports_are_apart(modems, self._fault)
        only = self.document.get("modem_only")
        accepted = None if only is None else self._admit(ModemOnlyForm, only, ("modem_only",))
        must_lead_somewhere(trunks, self._fault)
        gateways.must_fit(trunks, lines, self._fault)
        cards.must_fit(trunks, lines, self._fault)
        keys_must_be_hidden(trunks, self._fault)
        must_be_accepted(trunks, modems, accepted, self._fault)
        supply = self.document.get("power")
        power = None if supply is None else self._admit(PowerForm, supply, ("power",))
        limits = self._admit(OutsideForm, self.document.get("outside", {}), ("outside",))
        wall = self.document.get("panel")
        panel = None if wall is None else self._admit(PanelForm, wall, ("panel",))
        if panel:
            panel_fits(panel, mailboxes, hours, phones, self._fault)
        texting = self.document.get("sms")
        texts_by = None if texting is None else self._admit(SmsForm, texting, ("sms",))
        sms = texts_by.sms() if texts_by else None
        if sms:
            self._must_exist("modems", (sms.modem,), ("sms", "modem"))
        a_word_must_arrive(people, mail, sms, self._fault)
        if (backups := self.document.get("backup")) is not None:
            self._admit(BackupForm, backups, ("backup",))
        if (updates := self.document.get("updates")) is not None:
            self._admit(UpdatesForm, updates, ("updates",))
        self._section(walks_section.SECTION, walks_section.WalkForm, lambda form, _name: form)
        self._each_name_leads_somewhere(clinic, lines, queues, mailboxes, rules)
        self._a_desk_rings(clinic, phones)
        self._skills_are_few(phones, queues)
        self._needs_relax_in_order(queues)
        self._numbers_are_whole(clinic, lines, phones, rules)
        self._people_can_be_called(clinic, people, rules)
        inner = InsideReading(self._fault, self._must_exist)
        inner.check_lines(lines)
        front = clinic.front_desk if clinic else []
        agents = [(("queues", name, "agents"), queue.agents) for name, queue in queues.items()]
        inner.check_faxes(phones, lines, [(("clinic", "front_desk"), front), *agents])
        inner.check_recordings("lines", {name: one.recording for name, one in lines.items()})
        inner.check_recordings("queues", {name: one.recording for name, one in queues.items()})
        emergency = clinic.emergency_numbers if clinic else DEFAULT_EMERGENCY_NUMBERS
        pages = self._section("pages", PageForm, lambda form, _name: form)
        blocking = self._admit(BlockingForm, self.document.get("blocking", {}), ("blocking",))
        parking = plan.Parking(clinic.parking) if clinic else plan.Parking()
        speakers = self._section("speakers", SpeakerForm, SpeakerForm.speaker)
        speakers_fit(speakers, pages, queues, phones, hours, self._fault)
        inner.check_numbers(phones, queues, mailboxes, emergency, parking, pages, rules.values())
        words = texts.get(language, {}).keys() | standard_prompts().get(language, {}).keys()
        inner.check_words(queues, flows, words, language)
        wrap_up = self._wrap_up()
        kept = self.document.get("retention")
        retention = None if kept is None else self._admit(RetentionForm, kept, ("retention",))
        if clinic is None:
            return None
        drawn = Plan(
            name=clinic.name,
            timezone=clinic.timezone if clinic.timezone in time_zones() else "UTC",
            language=clinic.language,
            front_desk=tuple(clinic.front_desk),
            emergency_numbers=tuple(clinic.emergency_numbers),
            trunks=trunks,
            lines={name: line for name, line in lines.items() if line.phone or line.flow in flows},
            phones=phones,
            dial_rules=tuple(rules.values()),
            mailboxes=mailboxes,
            hours=hours,
            queues=queues,
            flows=flows,
            texts=texts,
            people=people,
            rota=rota,
            requests=requests,
            mail=mail,
            parking=plan.Parking(clinic.parking),
            blocking=blocking.blocking() if blocking else plan.Blocking(),
            retention=retention.retention() if retention else plan.Retention(),
            wrap_ups=wrap_up,
            pronounced=pronounced,
            pages={page.number: page.spoken_to(phones) for page in pages.values()},
            heard_at={page.number: page.speaker for page in pages.values() if page.speaker},
            speakers=speakers,
            address=clinic.address.address() if clinic.address else None,
            modems=modems,
            sms=sms,
            panel=panel.panel() if panel else None,
            power=power.power() if power else None,
            outside=limits.limits() if limits else plan.OutsideLimits(),
            modem_only=accepted.words() if accepted else "",
        )
        led = {
            name: line for name, line in lines.items() if line.phone or line.flow in self.readable
        }
        self.rough = replace(drawn, lines=led, flows=self.readable)
        return drawn

    def _fault(self, path: toml_lines.Path, reason: str, cure: str) -> None:
        line = toml_lines.nearest(self.lines, path)
        self.faults.append(Fault(line, dotted(path) or "file", reason, cure))

    def _admit(self, form: type[Form], value: object, path: toml_lines.Path) -> Form | None:
        try:
            return form.model_validate(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._explain(form, detail, path)
            return None

    def _explain(self, form: type[Strict], detail: ErrorDetails, path: toml_lines.Path) -> None:
        # A key of a table that does not fit is reported by pydantic as `key, "[key]"`, a union's
        # member by a word of its own: neither is a place in the document.
        inside = tuple(part for part in detail["loc"] if part != "[key]")
        where = (*path, *inside[: _depth(self.lines, path, inside)])
        name = str(inside[0]) if inside else ""
        match detail["type"]:
            case "extra_forbidden":
                self._fault(where, "is not known here", _known(name, form.model_fields))
            case "missing":
                wanted = cure_for(form, inside)
                self._fault(path, f"{name} is missing", f"add {name} = {wanted}")
            case "model_type" | "dict_type" | "list_type":
                shape = "a list: [ … ]" if detail["type"] == "list_type" else "a table"
                self._fault(where, f"{_shown(detail['input'])} stands where {shape} belongs",
                            f"write {cure_for(form, inside)}")  # fmt: skip
            case "too_short" | "too_long":
                count = len(detail["input"])
                self._fault(where, f"has {count} entries", f"write {cure_for(form, inside)}")
            case _:
                reason = f"{_shown(detail['input'])} does not fit"
                self._fault(where, reason, f"write {cure_for(form, inside)}")

    def _tables(self, section: str) -> Iterator[tuple[str, object]]:
        """The entries of a section, as far as it is a table and not too long."""
        table = self.document.get(section, {})
        if not isinstance(table, dict):
            self._fault((section,), "is not a table", f"write [{section}.NAME] and its keys below")
            return
        most = SECTION_MAX[section]
        if len(table) > most:
            self._fault((section,), f"has {len(table)} entries", f"keep it to {most}")
        yield from list(table.items())[:most]

    def _named(self, name: str, kind: Any, path: toml_lines.Path) -> None:
        try:
            _adapter(kind).validate_python(name)
        except ValidationError:
            cure = described(kind)
            self._fault(path, f"{_shown(name)} cannot be a name here", f"write {cure}")

    def _section(
        self,
        section: str,
        form: type[Form],
        part: Callable[[Form, str], Part],
        names: Any = Word,
    ) -> dict[str, Part]:
        parts = {}
        for name, value in self._tables(section):
            self._named(name, names, (section, name))
            if admitted := self._admit(form, value, (section, name)):
                parts[name] = part(admitted, name)
        return parts

    def _clinic(self) -> ClinicForm | None:
        if "clinic" not in self.document:
            self._fault(
                (),
                "the section [clinic] is missing",
                "add [clinic] with name, timezone and front_desk",
            )
            return None
        clinic = self._admit(ClinicForm, self.document["clinic"], ("clinic",))
        if clinic and clinic.timezone not in time_zones():
            near = get_close_matches(clinic.timezone, time_zones(), n=1)
            meant = f"did you mean {near[0]}?" if near else 'write one like "America/New_York"'
            self._fault(("clinic", "timezone"), f"{_shown(clinic.timezone)} is no time zone", meant)
        return clinic

    def _flows(self) -> dict[str, plan.Flow]:
        flows = {}
        for name, value in self._tables("flows"):
            path = ("flows", name)
            faults_before = len(self.faults)
            self._named(name, Word, path)
            table = dict(value) if isinstance(value, dict) else {}
            nodes = self._nodes(path, table.pop("nodes", {}))
            form = self._admit(FlowForm, table, path)
            if form is None:
                continue
            read = plan.Flow(name, form.start, nodes, form.zero, form.language)
            if len(self.faults) == faults_before:
                self.readable[name] = read
            self._targets_exist(name, form, nodes)
            if len(self.faults) == faults_before:
                flows[name] = read
        return flows

    def _nodes(self, path: toml_lines.Path, value: object) -> dict[str, plan.Node]:
        path = (*path, "nodes")
        if not isinstance(value, dict) or not value:
            flow = path[1]
            self._fault(
                path, "the flow has no nodes", f"add [flows.{flow}.nodes.NAME] and its kind"
            )
            return {}
        if len(value) > NODES_MAX:
            self._fault(path, f"has {len(value)} nodes", f"keep it to {NODES_MAX}")
        nodes: dict[str, plan.Node] = {}
        for name, table in list(value.items())[:NODES_MAX]:
            self._named(name, Word, (*path, name))
            if node := self._node(table, (*path, name)):
                nodes[name] = node
                self._node_refers_to_what_exists(node, (*path, name))
        return nodes

    def _node(self, table: object, path: toml_lines.Path) -> plan.Node | None:
        kind = table.get("kind") if isinstance(table, dict) else None
        form = EVERY_NODE_FORM.get(kind) if isinstance(kind, str) else None
        if form is None:
            reason = "kind is missing" if kind is None else f"{_shown(kind)} is no kind of node"
            self._fault((*path, "kind"), reason, f"write one of: {', '.join(EVERY_NODE_FORM)}")
            return None
        admitted = self._admit(form, table, path)
        return admitted.node() if admitted else None

    # ---- hours ----

    def _schedules(self, clinic: ClinicForm | None) -> dict[str, plan.Hours]:
        known = clinic is not None and clinic.timezone in time_zones()
        zone = ZoneInfo(clinic.timezone) if clinic and known else None
        holidays = self._holidays()
        self.holidays = frozenset(holidays)
        schedules = {}
        for name, value in self._tables("hours"):
            path = ("hours", name)
            self._named(name, Word, path)
            table = dict(value) if isinstance(value, dict) else value
            written = table.pop("exceptions", []) if isinstance(table, dict) else []
            exceptions = tuple(self._exceptions(written, (*path, "exceptions")))
            if form := self._admit(HoursForm, table, path):
                week = self._week(form, name)
                schedules[name] = replace(
                    week,
                    exceptions=(*exceptions, *week.exceptions),
                    holidays=holidays if form.holidays else {},
                    closures=self._closures(form, name, zone) if zone else {},
                )
        return schedules

    def _week(self, form: HoursForm, name: str) -> plan.Hours:
        schedule = form.hours(name)
        counted = dict.fromkeys(range(7), 0)
        for span in schedule.spans:
            self._in_order(span, ("hours", name, WEEKDAYS[span.weekday], counted[span.weekday]))
            counted[span.weekday] += 1
        if schedule.lunch:
            self._in_order(schedule.lunch, ("hours", name, "lunch"))
        return schedule

    def _in_order(self, times: plan.Span | plan.Times, path: toml_lines.Path) -> None:
        if hours.closes_at(times) <= hours.opens_at(times):
            reason = f"closes at {times.closes:%H:%M}, not after it opens at {times.opens:%H:%M}"
            cure = "past midnight, go on in the next day: 22:00-24:00, then 00:00-06:00"
            self._fault(path, reason, cure)

    def _rule_is_one(
        self, form: ExceptionForm | HolidayForm, rule: plan.DayRule, path: toml_lines.Path
    ) -> None:
        for key, cut in (("opens", form.opens), ("closes", form.closes)):
            if form.open and cut:
                cure = "keep open for hours of its own, opens and closes to cut those of the week"
                self._fault(path, f"has open and {key}", cure)
        if rule.opens is not None and rule.closes is not None and rule.closes <= rule.opens:
            reason = f"closes at {rule.closes:%H:%M}, not after it opens at {rule.opens:%H:%M}"
            self._fault((*path, "closes"), reason, "take both out to be closed all day")
        for index, times in enumerate(rule.times):
            self._in_order(times, (*path, "open", index))

    def _exceptions(self, value: object, path: toml_lines.Path) -> Iterator[plan.Exceptional]:
        if not isinstance(value, list):
            cure = f"write [[{dotted(path)}]] and its keys below"
            self._fault(path, "is not a list", cure)
            return
        if len(value) > EXCEPTIONS_MAX:
            self._fault(path, f"has {len(value)} exceptions", f"keep it to {EXCEPTIONS_MAX}")
        for index, table in enumerate(value[:EXCEPTIONS_MAX]):
            where = (*path, index)
            if form := self._admit(ExceptionForm, table, where):
                self._rule_is_one(form, form.rule(), where)
                if days := self._days(form, where):
                    yield plan.Exceptional(days, form.rule())

    def _days(self, form: ExceptionForm, path: toml_lines.Path) -> plan.Dates | plan.Yearly | None:
        if form.on is not None and (form.since is not None or form.to is not None):
            self._fault(path, "has on beside from and to", "keep on for one day, the two for more")
            return None
        match form.ends():
            case str() as first, str() as last:
                days = [self._month_day(text, path) for text in (first, last)]
                return plan.Yearly(days[0], days[1]) if days[0] and days[1] else None
            case date() as first_date, date() as last_date:
                if last_date < first_date:
                    reason = f"ends on {last_date}, before it begins on {first_date}"
                    self._fault(path, reason, "give it a later day for to")
                    return None
                return plan.Dates(first_date, last_date)
            case None, None:
                self._fault(path, "is for no day", "add on = 2026-12-24, or from and to")
            case _:
                cure = "write two dates without quotes, or two days of every year in quotes"
                self._fault(path, "has from and to that do not go together", cure)
        return None

    def _month_day(self, text: str, path: toml_lines.Path) -> plan.MonthDay | None:
        month, day = map(int, text.split("-"))
        try:
            date(hours.LEAP_YEAR, month, day)
        except ValueError:
            self._fault(path, f"no month has a day {text}", 'write month and day, like "12-24"')
            return None
        return plan.MonthDay(month, day)

    def _holidays(self) -> Mapping[date, plan.DayRule]:
        if "holidays" not in self.document:
            return {}
        value = self.document["holidays"]
        table = dict(value) if isinstance(value, dict) else value
        told = table.pop("days", {}) if isinstance(table, dict) else {}
        forms = self._told_holidays(told)
        form = self._admit(HolidaysForm, table, ("holidays",))
        if form is None:
            return {}
        try:
            days = public_holidays(form.country, form.subdivision)
        except UnknownPlaceError as unknown:
            given = form.country if unknown.key == "country" else form.subdivision or ""
            near = get_close_matches(given, unknown.known, n=1, cutoff=0.5)
            meant = f"; did you mean {near[0]}?" if near else ""
            cure = f"look its code up in ISO 3166{meant}"
            self._fault(("holidays", unknown.key), str(unknown), cure)
            return {}
        names = {name for each in days.values() for name in each}
        for name in forms.keys() - names:
            path = ("holidays", "days", name)
            self._fault(path, f"there is no holiday {_shown(name)}", _known(name, names))
        rules = {each: _holiday(forms, each) for each in set(days.values())}
        ruled = ((day, rules[each]) for day, each in days.items())
        return {day: rule for day, rule in ruled if rule is not None}

    def _told_holidays(self, value: object) -> dict[str, HolidayForm]:
        if not isinstance(value, dict):
            cure = 'write lines like "Columbus Day" = { observed = false } below [holidays.days]'
            self._fault(("holidays", "days"), "is not a table", cure)
            return {}
        if len(value) > HOLIDAYS_MAX:
            reason = f"has {len(value)} holidays"
            self._fault(("holidays", "days"), reason, f"keep it to {HOLIDAYS_MAX}")
        forms = {}
        for name, table in list(value.items())[:HOLIDAYS_MAX]:
            path = ("holidays", "days", name)
            if form := self._admit(HolidayForm, table, path):
                self._rule_is_one(form, form.rule(name), path)
                forms[name] = form
        return forms

    def _closures(
        self, form: HoursForm, name: str, zone: ZoneInfo
    ) -> dict[date, tuple[plan.Closure, ...]]:
        found: dict[date, tuple[plan.Closure, ...]] = {}
        for index, calendar in enumerate(form.calendars):
            path = ("hours", name, "calendars", index)
            for day, closed in self._calendar(calendar, zone, path).items():
                found[day] = (*found.get(day, ()), *closed)
        return found

    def _calendar(
        self, name: str, zone: ZoneInfo, path: toml_lines.Path
    ) -> Mapping[date, tuple[plan.Closure, ...]]:
        try:
            text = self.calendars.get(name)
            text = self.beside(name) if text is None else text
            closed = closures(text, name, zone)
        except FileNotFoundError:
            reason = f"there is no file {name} beside the site file"
            self._fault(path, reason, "put it there, or take it from this list")
        except OSError as error:
            reason = f"{name} cannot be read: {error.strerror}"
            self._fault(path, reason, "let it be read, or take it from this list")
        except UnicodeDecodeError:
            self._fault(path, f"{name} is not UTF-8 text", "export it as iCalendar (.ics) again")
        except CalendarError as error:
            self._fault(path, f"{name}: {error.reason}", error.cure)
        else:
            self.calendars[name] = text
            return closed
        return {}

    def _texts(self) -> dict[str, dict[str, str]]:
        texts: dict[str, dict[str, str]] = {}
        for language, table in self._tables("prompts"):
            self._named(language, Word, ("prompts", language))
            if not isinstance(table, dict):
                cure = f'write [prompts.{language}] and lines like: welcome = "Good morning."'
                self._fault(("prompts", language), "is not a table", cure)
                continue
            if len(table) > PROMPTS_MAX:
                reason = f"has {len(table)} prompts"
                self._fault(("prompts", language), reason, f"keep it to {PROMPTS_MAX}")
            kept = dict(list(table.items())[:PROMPTS_MAX])
            for name in kept:
                self._named(name, Word, ("prompts", language, name))
            texts[language] = self._words(language, kept, "prompts")
        return texts

    def _words(self, language: str, table: Table, section: str) -> dict[str, str]:
        spoken = {}
        for name, words in table.items():
            path = (section, language, name)
            spoken[name] = ""  # it is written, though perhaps wrongly: nobody need miss it
            try:
                spoken[name] = _adapter(Words).validate_python(words)
            except ValidationError:
                cure = described(Words)
                self._fault(path, f"{_shown(words)} cannot be spoken", f"write {cure}")
        return spoken

    def _pronounced(self) -> dict[str, dict[str, str]]:
        hints: dict[str, dict[str, str]] = {}
        for language, table in self._tables("pronunciation"):
            path: toml_lines.Path = ("pronunciation", language)
            self._named(language, Word, path)
            if not isinstance(table, dict) or len(table) > PRONOUNCED_MAX:
                cure = f'write at most {PRONOUNCED_MAX} lines like: Nguyen = "win"'
                self._fault(path, "is no list of words and how they are said", cure)
                continue
            for word in table:
                self._named(word, Label, (*path, word))
            hints[language] = self._words(language, table, "pronunciation")
        return hints

    def _wrap_up(self) -> Mapping[str, str]:
        if "wrap_up" not in self.document:
            return {}
        form = self._admit(WrapUpForm, self.document["wrap_up"], ("wrap_up",))
        return form.codes if form else {}

    def _dial_rules(self) -> dict[int, plan.DialRule]:
        value = self.document.get("dial_rules", [])
        if not isinstance(value, list):
            self._fault(("dial_rules",), "is not a list", "write [[dial_rules]] and its keys below")
            return {}
        if len(value) > 50:
            self._fault(("dial_rules",), f"has {len(value)} rules", "keep it to 50")
        rules = {}
        for index, table in enumerate(value[:50]):
            if form := self._admit(DialRuleForm, table, ("dial_rules", index)):
                rules[index] = form.rule()
        return rules

    def _rota(self, clinic: ClinicForm | None) -> Rota | None:
        if "oncall" not in self.document:
            return None
        known = clinic is not None and clinic.timezone in time_zones()
        zone = ZoneInfo(clinic.timezone if clinic and known else "UTC")
        section = OncallReading(
            self._admit, self._fault, self._must_exist, self._named, self.holidays
        )
        return section.rota(self.document["oncall"], zone)

    def _requests(self) -> Mapping[RequestKind, RequestRule]:
        forms = self._section("requests", RequestForm, lambda form, _name: form, RequestWord)
        for name, form in forms.items():
            self._must_exist("hours", (form.hours,) if form.hours else (), ("requests", name))
        return rules_of(forms)

    # ---- what one form cannot see ----

    def _declared(self, section: str) -> frozenset[str]:
        """Names written in a section, whether what stands there is right or not: a fault is told
        once."""
        table = self.document.get(section)
        return frozenset(table) if isinstance(table, dict) else frozenset()

    def _calling_from_elsewhere(self) -> list[str]:
        """Trunks whose company calls from other addresses than its host's."""
        written = self.document.get("trunks")
        found = written.items() if isinstance(written, dict) else ()
        companies = {name: one.get("provider") for name, one in found if isinstance(one, dict)}
        return [
            name
            for name, company in companies.items()
            if any(company == each and not one.registers for each, one in PROVIDERS.items())
        ]

    def _must_exist(self, section: str, names: Iterable[str], path: toml_lines.Path) -> None:
        declared = self._declared(section)
        for index, name in enumerate(names):
            if name not in declared:
                near = get_close_matches(name, declared, n=1)
                cure = (
                    f"did you mean {near[0]}?"
                    if near
                    else f"add [{section}.{name}] or name another"
                )
                self._fault((*path, index), f"there is no {_shown(name)} in [{section}]", cure)

    def _a_desk_rings(self, clinic: ClinicForm | None, phones: Mapping[str, plan.Phone]) -> None:
        """A telephone in the browser rings while somebody has it open, and no longer."""
        front = [phones[each] for each in clinic.front_desk if each in phones] if clinic else []
        if front and all(phone.browser for phone in front):
            reason = (
                "every telephone of it is in the browser, and rings only while a window is open"
            )
            cure = "add the extension of a telephone that stands on a desk"
            self._fault(("clinic", "front_desk"), reason, cure)

    def _each_name_leads_somewhere(
        self,
        clinic: ClinicForm | None,
        lines: Mapping[str, plan.Line],
        queues: Mapping[str, plan.Queue],
        mailboxes: Mapping[str, plan.Mailbox],
        rules: Mapping[int, plan.DialRule],
    ) -> None:
        if clinic:
            self._must_exist("phones", clinic.front_desk, ("clinic", "front_desk"))
        for name, line in lines.items():
            if line.trunk:
                self._must_exist("trunks", (line.trunk,), ("lines", name, "trunk"))
            if line.modem:
                self._must_exist("modems", (line.modem,), ("lines", name, "modem"))
        for name, queue in queues.items():
            self._must_exist("phones", queue.agents, ("queues", name, "agents"))
            if queue.callbacks:
                where = ("queues", name, "callbacks", "hours")
                self._must_exist("hours", (queue.callbacks.hours,), where)
                if not rules:
                    reason = "nobody can be called back: no dial rule leads outside"
                    self._fault(where[:-1], reason, "add [[dial_rules]] with digits, trunk, shows")
        for name, mailbox in mailboxes.items():
            self._must_exist("phones", mailbox.lamps, ("mailboxes", name, "lamps"))
        for index, rule in rules.items():
            if rule.trunk:
                self._must_exist("trunks", (rule.trunk,), ("dial_rules", index, "trunk"))
            self._must_exist("trunks", rule.otherwise, ("dial_rules", index, "otherwise"))
            must_be_others(rule, ("dial_rules", index, "otherwise"), self._fault)
            if rule.modem:
                self._must_exist("modems", (rule.modem,), ("dial_rules", index, "modem"))

    def _node_refers_to_what_exists(self, node: plan.Node, path: toml_lines.Path) -> None:
        match node:
            case plan.HoursFork(hours=hours):
                self._must_exist("hours", (hours,), (*path, "hours"))
            case plan.CallBack(queue=queue):
                self._must_exist("queues", (queue,), (*path, "queue"))
                self._queue_calls_back(queue, (*path, "queue"))
            case plan.Enqueue(queue=queue, also=also, overflow=rules):
                if node.callback is not None and node.callback_key == node.escape:
                    reason = f"key {node.escape} leads to otherwise already"
                    self._fault((*path, "callback_key"), reason, "write another, or another escape")
                self._must_exist("queues", (queue,), (*path, "queue"))
                self._must_exist("queues", also, (*path, "also"))
                for index, rule in enumerate(rules):
                    self._rule_says_when(rule, (*path, "overflow", index))
            case plan.Ring(phones=phones):
                self._must_exist("phones", phones, (*path, "phones"))
            case plan.TakeMessage(mailbox=mailbox, oncall=layers):
                self._must_exist("mailboxes", (mailbox,), (*path, "mailbox"))
                must_be_layers(self.document.get("oncall"), layers, (*path, "oncall"), self._fault)
            case TakeRequest(mailbox=mailbox):
                self._must_exist("mailboxes", (mailbox,) if mailbox else (), (*path, "mailbox"))
                for inside, reason, cure in faults_of(node):
                    self._fault((*path, *inside), reason, cure)
            case AskIdentity(ask=(first, second)):
                if first is second:
                    self._fault((*path, "ask"), f"{first} is asked twice", "ask two of them")
            case plan.SnowDay(people=people, hours=closes):
                self._must_exist("people", people, (*path, "people"))
                self._must_exist("hours", closes, (*path, "hours"))
            case plan.Say() | plan.Menu() | plan.RingOutside() | plan.Goto() | plan.Hangup():
                pass

    def _queue_calls_back(self, name: str, path: toml_lines.Path) -> None:
        queues = self.document.get("queues")
        queue = queues.get(name) if isinstance(queues, dict) else None
        if isinstance(queue, dict) and "callbacks" not in queue:
            cure = f'add callbacks = {{ hours = "…" }} to [queues.{name}]'
            self._fault(path, f"the queue {name} does not say when people are called back", cure)

    def _rule_says_when(self, rule: plan.Overflow, path: toml_lines.Path) -> None:
        if rule.closed is not None:
            self._must_exist("hours", (rule.closed,), (*path, "closed"))
        if rule == plan.Overflow(rule.to):
            cure = "add after_s, place_over, per_agent, no_agent = true or closed"
            self._fault(path, "this rule does not say when callers go on", cure)

    def _targets_exist(self, name: str, form: FlowForm, nodes: Mapping[str, plan.Node]) -> None:
        written = self.document["flows"][name].get("nodes")
        here = frozenset(written) if isinstance(written, dict) else frozenset()
        path: toml_lines.Path = ("flows", name)
        self._target_exists(form.start, here, (*path, "start"))
        if form.zero:
            self._target_exists(form.zero, here, (*path, "zero"))
        for node_name, node in nodes.items():
            for way in flow.ways(node):
                self._target_exists(way.target, here, (*path, "nodes", node_name, *way.key))

    def _target_exists(self, target: str, here: frozenset[str], path: toml_lines.Path) -> None:
        if target.startswith(FLOW_PREFIX):
            self._must_exist("flows", (target.removeprefix(FLOW_PREFIX),), path)
        elif target not in here:
            near = get_close_matches(target, here, n=1)
            cure = f"did you mean {near[0]}?" if near else f"add the node {target} or name another"
            self._fault(path, f"there is no node {_shown(target)} in this flow", cure)

    def _skills_are_few(
        self, phones: Mapping[str, plan.Phone], queues: Mapping[str, plan.Queue]
    ) -> None:
        had = {skill for phone in phones.values() for skill in phone.skills}
        asked = {skill for queue in queues.values() for needs in queue.stages for skill in needs}
        if len(had | asked) > SKILLS_MAX:
            reason = f"phones and queues name {len(had | asked)} skills"
            self._fault(("phones",), reason, f"keep it to {SKILLS_MAX}")

    def _needs_relax_in_order(self, queues: Mapping[str, plan.Queue]) -> None:
        for name, queue in queues.items():
            for index, (rule, later) in enumerate(pairwise(queue.relaxes), 1):
                if later.after_s <= rule.after_s:
                    reason = f"{later.after_s:g} s is not after the rule before, {rule.after_s:g} s"
                    path = ("queues", name, "relaxes", index, "after_s")
                    self._fault(path, reason, "give each rule a later time than the one before")

    def _numbers_are_whole(
        self,
        clinic: ClinicForm | None,
        lines: Mapping[str, plan.Line],
        phones: Mapping[str, plan.Phone],
        rules: Mapping[int, plan.DialRule],
    ) -> None:
        emergency = clinic.emergency_numbers if clinic else DEFAULT_EMERGENCY_NUMBERS
        for number in sorted(phones.keys() & set(emergency)):
            reason = f"the extension {number} is an emergency number"
            self._fault(("phones", number), reason, "give this phone another extension")
        own: list[tuple[tuple[str | int, ...], str]] = [
            *((("phones", number, "callback"), one.callback) for number, one in phones.items()),
            *((("dial_rules", index, "shows"), rule.shows) for index, rule in rules.items()),
            *(
                (("lines", name, "numbers", index), number)
                for name, line in lines.items()
                for index, number in enumerate(line.numbers)
            ),
        ]
        for path, number in own:
            if number in emergency:
                cure = "give a number of the clinic, at which it is called back"
                self._fault(path, f"{number} is an emergency number", cure)
        for index, rule in rules.items():
            if len(rule.starts) > rule.digits:
                reason = f"starts has more digits than the {rule.digits} of the number"
                self._fault(("dial_rules", index), reason, "make starts shorter or digits larger")
            if not rule.prefix and rule.digits in {len(extension) for extension in phones}:
                reason = (
                    f"a number of {rule.digits} digits without a prefix looks like an extension"
                )
                self._fault(("dial_rules", index), reason, 'add a prefix, like "9"')
        seen: dict[tuple[str, str], str] = {}
        for name, line in lines.items():
            for index, number in enumerate(line.numbers):
                other = seen.setdefault((line.trunk or f"modem {line.modem}", number), name)
                if other != name or line.numbers.index(number) != index:
                    reason = f"{number} is already a number of the line {other}"
                    self._fault(("lines", name, "numbers", index), reason, "keep it in one place")

    def _people_can_be_called(
        self,
        clinic: ClinicForm | None,
        people: Mapping[str, plan.Person],
        rules: Mapping[int, plan.DialRule],
    ) -> None:
        phones = self._declared("phones")
        emergency = clinic.emergency_numbers if clinic else DEFAULT_EMERGENCY_NUMBERS
        written = self.document.get("dial_rules", [])
        are_all_read = isinstance(written, list) and len(rules) == len(written)
        for name, person in people.items():
            for index, number in enumerate(person.numbers):
                # The number itself is not repeated: what is told may end in somebody's log.
                path = ("people", name, "numbers", index)
                if number in emergency:
                    self._fault(path, "is an emergency number", "give a number of this person")
                elif number in phones or not are_all_read:
                    continue
                elif not any(rule.dials(number) for rule in rules.values()):
                    reason = "is no extension, and no dial rule leads to it"
                    self._fault(path, reason, "add a [[dial_rules]] for it, or give another number")


def _holiday(forms: Mapping[str, HolidayForm], names: Iterable[str]) -> plan.DayRule | None:
    """The rule of a day that has these holidays: closed if any of them closes it."""
    kept = {name: forms.get(name, HolidayForm()) for name in names}
    rules = [each.rule(name) for name, each in kept.items() if each.observed]
    if not rules:
        return None
    strictest = min(rules, key=lambda rule: bool(rule.times or rule.keeps_the_week))
    return replace(strictest, name=" and ".join(rule.name for rule in rules))


def dotted(path: toml_lines.Path) -> str:
    """A path as a person would write it: `phones.101`, `dial_rules[2].prefix` (entries are counted
    from 1)."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part + 1}]"
        else:
            shown = part if re.fullmatch(r"[A-Za-z0-9_*#-]{1,40}", part) else _shown(part)
            words += f".{shown}" if words else shown
    return words


def _depth(
    lines: Mapping[toml_lines.Path, int], path: toml_lines.Path, inside: Sequence[str | int]
) -> int:
    """How many parts of `inside` stand in the document under `path`."""
    depth = 0
    while depth < len(inside) and (*path, *inside[: depth + 1]) in lines:
        depth += 1
    return depth


def _shown(value: object) -> str:
    """A value from the file, short and with nothing in it that could upset a terminal."""
    text = ascii(value) if not isinstance(value, str) else ascii(value).replace("'", '"')
    return text if len(text) <= 60 else f"{text[:50]}…"


def _known(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"

"""What is wrong with a site file, in the words of whoever runs a practice: the same faults that
`careline check` tells a technician, without the file's brackets.

A sentence that is not known here is said as it came.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from firmware.web import moments
from firmware.web.flow_words import title
from firmware.web.words import VALUE, Words, to_say
from ivr.check import Rule
from ivr.hours import WEEKDAYS

RULES: Mapping[str, str] = {
    Rule.DANGLING: to_say("It leads nowhere"),
    Rule.DEAD_END: to_say("It is a dead end"),
    Rule.LOOP: to_say("Callers go round in a circle"),
    Rule.PROMPT: to_say("Words are missing"),
    Rule.PERSON: to_say("Nobody can be reached while you are open"),
    Rule.ZERO: to_say("Key 0 reaches nobody"),
    Rule.SILENT_END: to_say("The call ends without a word"),
    Rule.ADVICE: to_say("What to do in an emergency is not said first"),
    Rule.HOURS: to_say("Hours overlap"),
    Rule.NEVER_OPEN: to_say("It is never open"),
    Rule.EXCEPTIONS: to_say("Two exceptions for one day"),
    Rule.SKILL: to_say("Nobody has what callers need"),
    Rule.OUTSIDE: to_say("The number cannot be called"),
    Rule.IDENTITY: to_say("Nobody has been identified before"),
    Rule.UNHEARD: to_say("Nobody would hear it"),
    Rule.LONG_MENU: to_say("The menu is long"),
    Rule.MANY_CHOICES: to_say("The menu has many keys"),
    Rule.DEEP_MENU: to_say("The menu lies deep"),
}
PLAIN: Mapping[str, str] = {
    'there is no node "%(name)s" in this flow': to_say(
        "It leads to “%(name)s”, and there is no such step."
    ),
    'there is no "%(name)s" in [flows]': to_say(
        "It leads to the menu “%(name)s”, which is not there."
    ),
    'there is no "%(name)s" in [%(section)s]': to_say("“%(name)s” is not there (%(section)s)."),
    "add the node %(name)s or name another": to_say("Choose where callers go instead."),
    "add [flows.%(name)s] or name another": to_say("Choose where callers go instead."),
    "add [%(section)s.%(name)s] or name another": to_say("Choose another."),
    "did you mean %(name)s?": to_say("Did you mean “%(name)s”?"),
    "there is no %(name)s": to_say("It leads to “%(name)s”, which is not there."),
    "every telephone of it is in the browser, and rings only while a window is open": to_say(
        "Every telephone of it is in the browser, and rings only while a window is open."
    ),
    "add the extension of a telephone that stands on a desk": to_say(
        "Add a telephone that stands on a desk."
    ),
    "nobody answers at %(name)s: it is a fax machine": to_say(
        "Nobody answers at “%(name)s”: it is a fax machine."
    ),
    "name a telephone instead": to_say("Name a telephone instead."),
    "a fax machine is not in the browser": to_say("A fax machine is not in the browser."),
    "leave one of the two out": to_say("Leave one of the two out."),
    "the gateway has fewer ports": to_say("The gateway has fewer ports."),
    "name no more numbers than it has ports": to_say("Name no more numbers than it has ports."),
    "a port carries a number that no line of this trunk has": to_say(
        "A port carries a number that no line has which comes by it."
    ),
    "add the number to a line of this trunk": to_say("Add the number to a line that comes by it."),
    "its group is another card's too": to_say("Its group is another card's too."),
    "give each card a group = of its own": to_say("Give each card a group of its own."),
    "some of its channels are another card's": to_say("Some of its channels are another card's."),
    "count them as `dahdi_scan` does, through all cards": to_say(
        "Count them as dahdi_scan does, through all cards."
    ),
    "its span is another card's too": to_say("Its span is another card's too."),
    "give each the span = that `dahdi_scan` tells": to_say("Give each the span of dahdi_scan."),
    "a card is in the box itself, and this trunk has %(name)s too": to_say(
        "A card is in the box itself, and this connection has %(name)s too."
    ),
    "take %(name)s out, or card": to_say("Leave one of the two out."),
    "no analog card has so many channels": to_say("No analog card has so many channels."),
    "an analog line has no switch": to_say("An analog line has no switch."),
    "take switch out, or write which kind it is": to_say(
        "Leave the switch empty, or choose what is plugged into the card."
    ),
    "it has fewer channels than ports": to_say("It has fewer channels than ports."),
    "name no more numbers than it has channels": to_say(
        "Name no more numbers than it has channels."
    ),
    "one span of this kind has %(least)s channels, and here are %(most)s": to_say(
        "One span of this kind has %(least)s channels, and here are %(most)s."
    ),
    "ISDN tells who calls by itself": to_say("ISDN tells who calls by itself."),
    "take caller_id out": to_say("Leave the kind of caller ID empty."),
    "ISDN tells the number that is called by itself": to_say(
        "ISDN tells the number that is called by itself."
    ),
    "take ports out": to_say("Leave the numbers of its ports empty."),
    "no fax comes by a modem": to_say("No fax comes by a modem."),
    "take a line of a trunk for it": to_say("Take a line of a telephone company for it."),
    "no line takes emergency calls": to_say("No line takes emergency calls."),
    "take emergency = false out of one of them, or add a trunk": to_say(
        "Let one of them take them, or add a telephone company."
    ),
    "a fax line is not recorded": to_say("A fax line is not recorded."),
    "say nothing of recording there": to_say("Say nothing of recording there."),
    "add it, or name another": to_say("Choose where callers go instead."),
    '"%(value)s" does not fit': to_say("“%(value)s” cannot stand here."),
    "%(value)s does not fit": to_say("“%(value)s” cannot stand here."),
    "%(name)s is missing": to_say("Something is missing here."),
    "add %(name)s = %(what)s": to_say("Fill it in: %(what)s."),
    "has %(num)s entries": to_say("Here are %(num)s entries."),
    "write %(what)s": to_say("What belongs here: %(what)s."),
    "is not known here": to_say("This is not known here."),
    "the flow has no nodes": to_say("This menu has no steps."),
    "a number of seconds from %(least)s to %(most)s": to_say(
        "a number of seconds from %(least)s to %(most)s"
    ),
    "a whole number from %(least)s to %(most)s": to_say(
        "a whole number from %(least)s to %(most)s"
    ),
    "a list of 1 to %(most)s prompts": to_say("one to %(most)s announcements"),
    "a list of 1 to %(most)s extensions": to_say("one to %(most)s phones"),
    "a node of this flow%(rest)s": to_say("a step to go to"),
    "a name of up to 40 small letters%(rest)s": to_say("one of those offered"),
    "a number of digits in quotes%(rest)s": to_say("a telephone number, digits only"),
    "the words to speak%(rest)s": to_say("the words to speak, at most 1000 characters"),
    "keys with their targets%(rest)s": to_say("at least one key"),
    '"%(words)s" cannot be spoken': to_say("These words cannot be spoken."),
    "from here nothing leads to a person, a message or an end": to_say(
        "From here no key leads to a person, a message or a goodbye."
    ),
    "give one of its ways a queue, a ring, a message or a hangup as target": to_say(
        "Lead one of its ways to a waiting line, phones, a message or the end of the call."
    ),
    "callers go round for ever without being asked anything": to_say(
        "Callers go round for ever without being asked anything."
    ),
    "lead one of these ways to a person, a message or a hangup": to_say(
        "Lead one of these ways to a person, a message or the end of the call."
    ),
    "the prompt %(name)s has no words in the language %(language)s": to_say(
        "“%(name)s” has no words in the language %(language)s."
    ),
    'add %(name)s = "…" to [prompts.%(language)s]': to_say("Write what is to be said."),
    "no way from the line %(name)s leads to a queue or a ring": to_say(
        "No way from the line %(name)s leads to a waiting line or to phones."
    ),
    "no key of this menu leads on to a queue or a ring": to_say(
        "No key of this menu leads on to a waiting line or to phones."
    ),
    "lead a key, or zero of the flow, to a queue or a ring": to_say(
        "Lead a key, or key 0 of the whole menu, to a waiting line or to phones."
    ),
    "lead key 0, or zero of the flow, to a queue or a ring that goes on to a message where nobody"
    " answers": to_say(
        "Lead key 0 to a waiting line or to phones, and on to a message where nobody answers."
    ),
    "this is the first that callers hear, and it does not begin with %(advice)s": to_say(
        "This is the first that callers hear, and it must begin with the emergency advice."
    ),
    'begin its prompts with "emergency-first", or with words of your own that say which emergency'
    " number to dial": to_say("Let the first announcement be “emergency first”."),
    'lead callers through a node of the kind say with prompts = ["emergency-first"] before': to_say(
        "Let a step before it say the announcement “emergency first”."
    ),
    "callers are let go here without a word": to_say("Callers are let go here without a word."),
    'say goodbye: prompts = ["goodbye"]': to_say("Choose the announcement “goodbye”."),
    "callers listen for %(num)s s before they know all keys": to_say(
        "Callers listen for %(num)s seconds before they know all keys."
    ),
    "say it in %(num)s s: fewer words, or a say before it": to_say(
        "Say it in %(num)s seconds: use fewer words."
    ),
    "callers choose among %(num)s keys": to_say("Callers choose among %(num)s keys."),
    "keep it to %(num)s, and leave the others to a person": to_say(
        "Keep it to %(num)s, and leave the others to a person."
    ),
    "callers come here through %(num)s menus": to_say("Callers come here through %(num)s menus."),
    "let no menu be deeper than the %(num)snd": to_say("Let no menu be deeper than the second."),
    "key 0 leads to no person though the clinic is open": to_say(
        "Key 0 leads to no person though the clinic is open."
    ),
    "while the clinic is closed, key 0 leads to nobody on call, no%(rest)s": to_say(
        "While the clinic is closed, key 0 leads to nobody on call, no call-back and no message."
    ),
    "where nobody answers, a caller goes round for ever": to_say(
        "Where nobody answers, a caller goes round for ever."
    ),
    "a caller who presses no key goes round for ever": to_say(
        "A caller who presses no key goes round for ever."
    ),
    "callers hear of a closed day before they hear what to do in an emergency": to_say(
        "Callers hear of a closed day before they hear what to do in an emergency."
    ),
    "people on call cannot be told %(name)s in the language %(language)s": to_say(
        "People on call cannot be told “%(name)s” in the language %(language)s."
    ),
    "callers who are to be recorded cannot be told so in the language %(language)s": to_say(
        "Callers who are to be recorded cannot be told so in the language %(language)s."
    ),
    "none of its agents has what callers need in the end: %(skills)s": to_say(
        "None of its phones has what callers need in the end: %(skills)s."
    ),
    "give a phone of its agents these skills, at this level or better, or relax them": to_say(
        "Give one of its phones these skills, at this level or better, or ask for less."
    ),
    "on %(day)s, %(one)s overlaps %(other)s": to_say("On %(day)s, %(one)s overlaps %(other)s."),
    "in the exception %(exception)s, %(one)s overlaps %(other)s": to_say(
        "In the exception “%(exception)s”, %(one)s overlaps %(other)s."
    ),
    "make one span of them, or part them": to_say("Make one of them, or part them."),
    "%(one)s and %(other)s are for the same day, and neither is for fewer days": to_say(
        "%(one)s and %(other)s are for the same day, and neither is for fewer days."
    ),
    "keep one of them, or let one cover fewer days: that one wins": to_say(
        "Keep one of them, or let one cover fewer days: that one wins."
    ),
    "give a day its hours, like%(rest)s": to_say(
        "Give a day its hours, or take the schedule away."
    ),
    "not a telephone number: give its digits": to_say("This is not a telephone number."),
    "an emergency number is called by people only": to_say(
        "An emergency number is called by people only."
    ),
    "no dial rule leads to it: see [[dial_rules]] in the site file": to_say(
        "No dialling rule leads to it."
    ),
    'a phone of the clinic: it is rung by a node of the kind "ring"': to_say(
        "This is a phone of the clinic: ring it by a step that rings phones."
    ),
    "the clinic's own number: its callers would come round to where they were": to_say(
        "This is the clinic's own number: its callers would come round to where they were."
    ),
    "a recorded answer has no mailbox": to_say("A recorded answer needs a mailbox."),
    "add mailbox: recorded answers are sealed for its members": to_say(
        "Choose a mailbox: recorded answers are sealed for its members."
    ),
    "%(name)s is asked twice": to_say("“%(name)s” is asked twice."),
    "give it a name of its own": to_say("Give it a name of its own."),
    "ask two of them": to_say("Choose two different ones."),
    "choices and kind do not go together": to_say(
        "What each key means is for questions that are answered by one key, and only for them."
    ),
    "a choice has keys: %(rest)s": to_say("Say there what each key means."),
    "at least %(least)s and at most %(most)s digits": to_say(
        "At least %(least)s and at most %(most)s digits cannot be."
    ),
    "make least smaller or most larger": to_say("Ask for fewer digits at least, or more at most."),
    "there is no on-call layer %(name)s": to_say("There is no on-call layer “%(name)s”."),
    "the layers are: %(layers)s": to_say("There are: %(layers)s."),
    "add [oncall] and its layers, as the template has it": to_say("Say first who is on call."),
    "the queue %(name)s does not say when people are called back": to_say(
        "The waiting line %(name)s does not say when people are called back."
    ),
    "this rule does not say when callers go on": to_say(
        "This does not say when callers go on earlier."
    ),
    "add after_s, place_over, per_agent, no_agent = true or closed": to_say(
        "Fill in one of its fields."
    ),
    "key %(key)s leads to otherwise already": to_say("Key %(key)s already ends the waiting."),
    "write another, or another escape": to_say("Choose another key."),
    "give a number to which one of [[dial_rules]] leads": to_say(
        "Give a number that the dialling rules lead to."
    ),
    "it is for callers who have been identified, and nobody who comes here has been": to_say(
        "It is for callers who were identified, and nobody who comes here was."
    ),
    "lead callers through a node of the kind identity first, or take identified out": to_say(
        "Let a step before it ask who is calling, or ask anybody here."
    ),
    "no caller comes to a node that asks whether %(name)s is open": to_say(
        "No caller comes to a step that asks whether %(name)s is open."
    ),
    "lead a line through a node of the kind hours with it, or name another": to_say(
        "Lead callers through a switch by these hours, or choose others."
    ),
    "no day of the week and no exception opens it": to_say(
        "No day of the week and no exception opens it."
    ),
    "a name begins with a letter: give another": to_say(
        "A name begins with a letter: give another."
    ),
    "there is a %(name)s already: take another name": to_say(
        "There is a “%(name)s” already: take another name."
    ),
    "there is no %(name)s any more: somebody may have changed it meanwhile": to_say(
        "“%(name)s” is not there any more: somebody may have changed it meanwhile."
    ),
    "a flow has at most %(num)s nodes: begin another flow": to_say(
        "A menu has at most %(num)s steps: begin another."
    ),
    "a flow begins at a node of its own: choose another": to_say(
        "A menu begins at a step of its own: choose another."
    ),
    "the draft was changed by %(who)s while you looked at it: look again, nothing was lost": to_say(
        "%(who)s changed the draft while you looked at it. This is how it is now; repeat your last"
        " change."
    ),
    "the draft was changed while you looked at it: look again, nothing was lost": to_say(
        "Somebody changed the draft while you looked at it. This is how it is now; repeat your last"
        " change."
    ),
    "this part is written in a way that is not known%(rest)s": to_say(
        "This part of the site file is written in a way that the page cannot change: a technician"
        " changes it in the file."
    ),
    "this change would change other parts of the file too%(rest)s": to_say(
        "This would change other parts of the site file too: a technician changes it in the file."
    ),
    "the site file would have %(rest)s": to_say(
        "The site file would grow too large: take something away first."
    ),
    "there is no %(name)s there: somebody may have changed it meanwhile": to_say(
        "“%(name)s” is not there any more: somebody may have changed it meanwhile."
    ),
    "there is no %(name)s: choose where callers go instead": to_say(
        "“%(name)s” is not there: choose where callers go instead."
    ),
    "nothing was changed that could be undone": to_say("There is nothing to undo."),
    "nothing was undone that could be done again": to_say("There is nothing to do again."),
}
WAY_THERE = re.compile(r" \(the way there: .*\)$", re.DOTALL)
NAMES = frozenset({"name", "section"})


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = VALUE.split(sentence)
    said = (f"(?P<{part}>.*)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile("".join(said), re.DOTALL)


# The longer a sentence is of its own, the less it is another's.
_PATTERNS = sorted(
    ((_pattern(known), said) for known, said in PLAIN.items()),
    key=lambda each: -len(VALUE.sub("", each[0].pattern)),
)


def plain(sentence: str, words: Words) -> str:
    """A reason, a cure, or what belongs somewhere."""
    for pattern, said in _PATTERNS:
        if found := pattern.fullmatch(sentence):
            values = {key: _value(key, value, words) for key, value in found.groupdict().items()}
            values = {key: value for key, value in values.items() if f"%({key})s" in said}
            return words.say(said, **values)
    return words.told(sentence)


def _value(key: str, value: str, words: Words) -> str:
    if key == "what":
        return plain(value, words)
    if key == "day" and value in WEEKDAYS:
        return str(words.locale.days["format"]["wide"][WEEKDAYS.index(value)])
    return title(value) if key in NAMES else value


def reason(sentence: str, words: Words) -> str:
    """With the rule that is broken, if it is one of the prover's."""
    bare = WAY_THERE.sub("", sentence)
    rule, _, rest = bare.partition(": ")
    if rest and rule in RULES:
        return f"{words.gettext(RULES[rule])}. {plain(rest, words)}"
    return plain(bare, words)


# ---- the call that shows it ----


@dataclass(frozen=True, slots=True)
class ShownBy:
    """The shortest call that shows a fault: what somebody has to do, and where it can be heard, if
    it can."""

    told: str
    href: str


PHONES: Mapping[str, str] = {
    "silent": to_say("nobody answers"),
    "busy": to_say("all phones are busy"),
    "refuse": to_say("everybody declines"),
    "absent": to_say("no phone can be reached"),
}


def shown_by(example: str, words: Words) -> ShownBy | None:
    """Of the words that `careline simulate` takes; None where no call shows it."""
    if not example:
        return None
    given = _given(shlex.split(example))
    at = datetime.fromisoformat(given.get("at", [""])[0])
    parts = [
        words.say(
            "Call the line %(line)s on %(when)s",
            line=title(given.get("line", [""])[0]),
            when=moments.near(at, words.locale),
        )
    ]
    for by_hand in given.get("by-hand", []):
        name, _, to = by_hand.partition("=")
        switched = to_say("%(hours)s switched open") if to == "open" else to_say(
            "%(hours)s switched closed"
        )  # fmt: skip
        parts.append(words.say(switched, hours=title(name)))
    parts += _acts(",".join(given.get("press", [])), words)
    parts += [
        words.gettext(PHONES[phones]) for phones in given.get("phones", []) if phones in PHONES
    ]
    # Try it knows telephones, and no switch that is set by hand.
    href = "" if "by-hand" in given else f"/try?call={quote(example, safe='')}"
    return ShownBy("; ".join(parts) + ".", href)


def _given(parts: list[str]) -> Mapping[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        given.setdefault(name.removeprefix("--"), []).append(value)
    return given


def _acts(press: str, words: Words) -> Iterable[str]:
    for act in filter(None, (each.strip() for each in press.split(","))):
        if act.startswith("until "):
            place = title(act.rpartition("/")[2])
            yield words.say("wait until you come to “%(place)s”", place=place)
        elif act.startswith("wait "):
            yield words.say("wait %(num)s seconds", num=act.removeprefix("wait "))
        elif act in ("hang up", "hangup"):
            yield words.gettext(to_say("hang up"))
        else:
            yield words.say("press %(keys)s", keys=" ".join(act))

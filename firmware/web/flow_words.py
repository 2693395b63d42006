"""A flow in the words of whoever runs a practice: its steps, the ways between them, the fields of
its forms. A step is what the site file calls a node; its name is shown without dashes.
"""

from collections.abc import Mapping
from typing import Any

from firmware.flow_outline import Key
from firmware.web.words import Words, to_say
from ivr.plan import FLOW_PREFIX

# What a step is, by its kind.
KINDS: Mapping[str, str] = {
    "menu": to_say("menu"),
    "hours": to_say("by the hours"),
    "queue": to_say("waiting line"),
    "ring": to_say("rings phones"),
    "message": to_say("takes a message"),
    "say": to_say("says something"),
    "hangup": to_say("end of the call"),
    "callback": to_say("promises a call-back"),
    "outside": to_say("calls a number outside"),
    "goto": to_say("goes on elsewhere"),
    "form": to_say("asks for a request"),
    "identity": to_say("asks who is calling"),
    "snow-day": to_say("announcement by telephone"),
}
# What can be added.
PIECES: Mapping[str, str] = {
    "menu": to_say("Menu"),
    "queue-with-message": to_say("Waiting line, then a message"),
    "hours": to_say("Switch by the hours"),
    "queue": to_say("Waiting line"),
    "ring": to_say("Ring phones"),
    "message": to_say("Take a message"),
    "say": to_say("Say something"),
    "hangup": to_say("End the call"),
    "callback": to_say("Promise a call-back"),
    "outside": to_say("Call a number outside"),
    "goto": to_say("Go on elsewhere"),
    "form": to_say("Ask for a request"),
    "identity": to_say("Ask who is calling"),
    "snow-day": to_say("Announcement recorded by telephone"),
}
# A field's label; where a kind has words of its own, they stand under `kind.field`.
LABELS: Mapping[str, str] = {
    "about": to_say("Told to whoever answers"),
    "after_s": to_say("Waits longer than, in seconds"),
    "also": to_say("Waits in these lines too"),
    "ask": to_say("Asks for two of these"),
    "callback": to_say("Who asks to be called back goes to"),
    "callback_key": to_say("Key to be called back"),
    "choices": to_say("Keys"),
    "closed": to_say("When closed"),
    "confirm": to_say("Whoever answers presses 1 first, so that no machine takes the call"),
    "doubt": to_say("In doubt"),
    "escape": to_say("Key to wait no longer"),
    "for_s": to_say("Rings for, in seconds"),
    "holiday": to_say("On holidays"),
    "hours": to_say("Hours"),
    "identified": to_say("Only for callers who were identified"),
    "kind": to_say("Answered by"),
    "least": to_say("Digits at least"),
    "longest_s": to_say("At most, in seconds"),
    "lunch": to_say("At lunch"),
    "mailbox": to_say("Mailbox"),
    "most": to_say("Digits at most"),
    "name": to_say("Name"),
    "next": to_say("Then"),
    "no_agent": to_say("Nobody is there to answer"),
    "note": to_say("Note for whoever looks after this"),
    "number": to_say("Number"),
    "oncall": to_say("Calls people on call with it"),
    "open": to_say("When open"),
    "otherwise": to_say("If nobody answers"),
    "overflow": to_say("Goes on earlier"),
    "patience_s": to_say("Waits at most, in seconds"),
    "people": to_say("People"),
    "per_agent": to_say("More callers than this for each phone"),
    "person": to_say("Who presses star, or cannot answer"),
    "phones": to_say("Phones"),
    "place_over": to_say("Place in line is beyond"),
    "prompts": to_say("Says"),
    "queue": to_say("Waiting line"),
    "questions": to_say("Questions"),
    "read_back": to_say("Read back to the caller"),
    "request": to_say("Kind of request"),
    "target": to_say("Goes to"),
    "timeout_s": to_say("Waits for a key, in seconds"),
    "to": to_say("Goes to"),
    "tries": to_say("Asked so many times"),
    "urgency": to_say("Urgency"),
    "urgent": to_say("Urgent"),
    "wrong": to_say("Said after a wrong key"),
    "menu.otherwise": to_say("Who presses nothing goes to"),
    "menu.tries": to_say("Said so many times"),
    "callback.otherwise": to_say("Who would rather not goes to"),
    "overflow.closed": to_say("These hours are closed"),
    "snow-day.hours": to_say("Closes these hours"),
    "snow-day.people": to_say("Whose PIN opens it"),
    "questions.choices": to_say("What each key means"),
    "form.timeout_s": to_say("Waits for an answer, in seconds"),
    "identity.timeout_s": to_say("Waits for an answer, in seconds"),
}
# How callers come from a step to the next, as short as an arrow wants it.
WAYS: Mapping[str, str] = {
    "callback": to_say("call-back"),
    "closed": to_say("closed"),
    "doubt": to_say("in doubt"),
    "holiday": to_say("holiday"),
    "lunch": to_say("lunch"),
    "next": to_say("then"),
    "open": to_say("open"),
    "otherwise": to_say("nobody answers"),
    "overflow": to_say("goes on earlier"),
    "person": to_say("to a person"),
    "target": to_say("then"),
    "menu.otherwise": to_say("nothing pressed"),
    "callback.otherwise": to_say("rather not"),
    "identity.next": to_say("known"),
}
OPTIONS: Mapping[str, str] = {
    "emergency": to_say("emergency"),
    "urgent": to_say("urgent"),
    "soon": to_say("soon"),
    "routine": to_say("routine"),
    "refill": to_say("prescription refill"),
    "appointment": to_say("appointment"),
    "referral": to_say("referral"),
    "billing": to_say("billing"),
    "call-back": to_say("call-back"),
    "other": to_say("other"),
    "digits": to_say("digits keyed"),
    "date": to_say("a date keyed"),
    "choice": to_say("one key"),
    "number": to_say("a telephone number"),
    "recorded": to_say("words recorded"),
    "birth-date": to_say("date of birth"),
    "phone": to_say("telephone number"),
    "record": to_say("record number"),
    "pin": to_say("PIN"),
}
EXCERPT = 60  # characters of what is said


def title(name: str) -> str:
    """A name as it is read."""
    return name.replace("-", " ")


def label_of(kind: str, field: str, words: Words) -> str:
    return words.gettext(LABELS.get(f"{kind}.{field}") or LABELS.get(field, field))


def option(value: str, words: Words) -> str:
    return words.gettext(OPTIONS.get(value, value))


def way(kind: str, key: Key, words: Words) -> str:
    """`1`, `when open`: what takes a caller this way."""
    first = str(key[0])
    if first == "choices":
        return str(key[-1])
    return words.gettext(WAYS.get(f"{kind}.{first}") or WAYS.get(first, first))


def ways(kind: str, keys: tuple[Key, ...], words: Words) -> str:
    return ", ".join(dict.fromkeys(way(kind, key, words) for key in keys))


def target(name: str, words: Words) -> str:
    """Where something leads, as it is read."""
    if name.startswith(FLOW_PREFIX):
        return words.say("menu “%(flow)s”", flow=title(name.removeprefix(FLOW_PREFIX)))
    return title(name)


def excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1].rstrip()}…"


def summary(node: Mapping[str, Any], said: Mapping[str, str], words: Words) -> str:
    """What a step does, in one line; `said` are the words of prompts."""
    kind = str(node.get("kind", ""))
    name = words.gettext(KINDS.get(kind, to_say("a step that is not known here")))
    more = details(node, said, words)
    return f"{name}: {more}" if more else name


def details(node: Mapping[str, Any], said: Mapping[str, str], words: Words) -> str:
    """The same without its kind."""
    match str(node.get("kind", "")), node:
        case "menu", {"choices": dict(choices)}:
            return ", ".join(f"{key} {target(str(to), words)}" for key, to in choices.items())
        case "hours", {"hours": str(hours)}:
            return title(hours)
        case (("queue" | "callback"), {"queue": str(queue)}):
            return title(queue)
        case "ring", {"phones": list(phones)}:
            return ", ".join(map(str, phones))
        case "message", {"mailbox": str(mailbox)}:
            return title(mailbox)
        case "goto", {"target": str(to)}:
            return target(to, words)
        case "form", {"request": str(request)}:
            return option(request, words)
        case (("say" | "hangup"), {"prompts": list(prompts)}):
            texts = (said.get(str(each), title(str(each))) for each in prompts)
            return excerpt(" ".join(texts))
        case _:
            return ""

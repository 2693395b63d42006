"""Sites that are right by the way they are made: `sound_site(seed)` gives one as a document.

Every node is made together with a way that leads to it, every way that nobody needs take ends in a
message, and every menu leads to a person by key 0 while the clinic is open, and to a message else.
"""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import firmware

Document = dict[str, Any]

NODES_MOST = 30
_HEAD = """
[clinic]
name = "Maple Street"
timezone = "America/New_York"
language = "en"
front_desk = ["101"]
emergency_numbers = ["911"]
[trunks.telco]
host = "127.0.0.2"
[lines.main]
trunk = "telco"
numbers = ["2025550100"]
flow = "main"
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"
[mailboxes.desk]
members = ["reception"]
lamps = ["101"]
"""
_WEEK = ("mon", "tue", "wed", "thu", "fri")
_ADVICE = ("emergency-first", "advice")


@cache
def _product_prompts() -> dict[str, str]:
    path = Path(firmware.__file__).parent / "prompts" / "en.toml"
    return tomllib.loads(path.read_text("utf-8"))


@dataclass(slots=True)
class _Site:
    """A site as it grows."""

    random: Random
    document: Document
    left: int
    made: int = 0
    flow: str = "main"
    words: dict[str, str] = field(default_factory=dict)

    @property
    def nodes(self) -> Document:
        nodes: Document = self.document["flows"][self.flow]["nodes"]
        return nodes

    def put(self, kind: str, **keys: Any) -> str:
        """A node under a name of its own."""
        self.made += 1
        self.left -= 1
        name = f"{kind}-{self.made}"
        self.nodes[name] = {"kind": kind, **keys}
        return name

    def says(self, about: str) -> str:
        """A prompt of the site's own, or one that it has already."""
        if self.words and self.random.random() < 0.2:
            return self.random.choice(list(self.words))
        name = f"{about}-{len(self.words) + 1}"
        self.words[name] = f"Words about {about}, number {len(self.words) + 1}."
        return name

    def is_lucky(self, chance: float) -> bool:
        return self.random.random() < chance


def sound_site(seed: int) -> Document:
    """A site of up to NODES_MOST nodes in which nothing is wrong."""
    random = Random(seed)
    document = tomllib.loads(_HEAD)
    document["phones"] = {
        number: {"name": f"Desk {number}", "location": "here", "callback": "2025550100"}
        for number in ("101", "102", "103", "104")
    }
    document["queues"] = {
        name: {
            "agents": agents,
            "target_s": 20,
            "offer_s": 15,
            "rest_s": 20,
            "announce_s": 30,
            "callbacks": {"hours": "office"},
        }
        for name, agents in (("desk", ["101", "102"]), ("nurse", ["103"]))
    }
    document["hours"] = {name: _schedule(random) for name in ("office", "nurses")}
    document["flows"] = {"main": {"start": "", "nodes": {}}, "night": {"start": "", "nodes": {}}}
    site = _Site(random, document, random.randint(12, NODES_MOST))
    _night(site)
    _day(site)
    document["prompts"] = {"en": {"advice": "In an emergency, dial 9-1-1.", **site.words}}
    if site.is_lucky(0.1):
        document["lines"]["main"]["language"] = "es"
        document["prompts"]["es"] = {**_product_prompts(), **document["prompts"]["en"]}
    return document


def _schedule(random: Random) -> Document:
    opens, closes = random.choice([("08:00", "17:00"), ("09:00", "18:30"), ("07:30", "12:00")])
    schedule: Document = {day: [f"{opens}-{closes}"] for day in _WEEK}
    if random.random() < 0.3:
        schedule["sat"] = ["09:00-11:00", "13:00-15:00"]
    if random.random() < 0.3:
        schedule["lunch"] = "11:00-11:30"
    if random.random() < 0.3:
        schedule["exceptions"] = [{"name": "eve", "on": "12-24", "open": ["08:00-10:00"]}]
    return schedule


def _night(site: _Site) -> None:
    """What callers meet while it is closed."""
    site.flow = "night"
    message = _message(site)
    if site.is_lucky(0.5):
        rung = site.put("ring", phones=["104"], for_s=30, otherwise=message)
        site.document["flows"]["night"]["zero"] = rung
        choices = {"1": message, "2": rung}
        start = site.put("menu", **_asking(site, first=True), choices=choices, otherwise=message)
    else:
        start = site.put("say", prompts=_first(site), next=message)
    site.document["flows"]["night"]["start"] = start


def _day(site: _Site) -> None:
    site.flow = "main"
    program = site.document["flows"]["main"]
    message = _message(site)
    desk = _queue(site, "desk", message)
    program["zero"] = desk
    menu = _menu(site, desk, message, depth=1)
    fork: Document = {"hours": "office", "open": menu, "closed": "flow:night"}
    schedule = site.document["hours"]["office"]
    if "exceptions" in schedule and site.is_lucky(0.5):
        fork["holiday"] = site.put("say", prompts=_first(site), next="flow:night")
    if "lunch" in schedule and site.is_lucky(0.5):
        fork["lunch"] = site.put("say", prompts=_first(site), next=message)
    program["start"] = site.put("hours", **fork)
    if site.is_lucky(0.3):
        program["start"] = site.put("goto", target=program["start"])


def _first(site: _Site) -> list[str]:
    """What may be said first."""
    return [site.random.choice(_ADVICE), site.says("news")]


def _asking(site: _Site, *, first: bool) -> Document:
    prompts = _first(site) if first else [site.says("menu")]
    wrong = {"wrong": site.says("wrong")} if site.is_lucky(0.2) else {}
    return {"prompts": prompts, "timeout_s": 5, "tries": site.random.randint(1, 3), **wrong}


def _menu(site: _Site, desk: str, message: str, depth: int) -> str:
    """A menu and all below it; it is there before what leads back to it."""
    otherwise = site.random.choice([desk, message])
    name = site.put("menu", **_asking(site, first=depth == 1), choices={}, otherwise=otherwise)
    choices: Document = site.nodes[name]["choices"]
    choices["1"] = desk
    for key in ("2", "3", "4", "5")[: site.random.randint(1, 4)]:
        if site.left > 3:
            choices[key] = _below(site, name, desk, message, depth)
    return name


def _below(site: _Site, menu: str, desk: str, message: str, depth: int) -> str:
    put = site.put
    match site.random.choice(("say", "queue", "ring", "outside", "message", "menu", "hours", "goto",
                              "callback", "bye", "identity", "form", "both")):  # fmt: skip
        case "say":
            return put("say", prompts=[site.says("news")], next=site.random.choice([menu, desk]))
        case "queue":
            return _queue(site, "nurse", message)
        case "ring":
            return put("ring", phones=["103", "104"], for_s=20, otherwise=message)
        case "outside":
            return put("outside", number="2025550177", for_s=30, otherwise=message)
        case "message":
            return _message(site)
        case "menu" if depth < 2:
            return _menu(site, desk, message, depth + 1)
        case "hours":
            return put("hours", hours="nurses", open=_queue(site, "nurse", message), closed=message)
        case "goto":
            return put("goto", target=site.random.choice([desk, "flow:night"]))
        case "callback":
            return put("callback", queue="desk", otherwise=desk)
        case "identity":
            ask = site.random.sample(["birth-date", "phone", "record", "pin"], 2)
            known = put("say", prompts=[site.says("known")], next=desk)
            return put("identity", ask=ask, next=known, doubt=desk)
        case "form":
            questions = [
                {"name": "number", "kind": "number", "prompts": [site.says("question")]},
                {"name": "why", "kind": "recorded", "prompts": [site.says("question")]},
            ]
            bye = put("hangup", prompts=["goodbye"])
            return put("form", request="other", mailbox="desk", questions=questions,
                       next=bye, person=desk)  # fmt: skip
        case "both":
            more = put("say", prompts=[site.says("news")], next=message)
            return put("say", prompts=[site.says("news")], next=more)
        case _:
            return put("hangup", prompts=["goodbye"])


def _queue(site: _Site, queue: str, message: str) -> str:
    keys: Document = {}
    if site.is_lucky(0.3):
        keys["overflow"] = [{"to": message, "no_agent": True}]
    elif site.is_lucky(0.3):
        keys["overflow"] = [{"to": message, "after_s": 30}]
    if site.is_lucky(0.3):
        name = site.put("callback", queue=queue, otherwise=message)
        keys["callback"] = name
    return site.put("queue", queue=queue, patience_s=60, otherwise=message, **keys)


def _message(site: _Site) -> str:
    bye = site.put("hangup", prompts=["goodbye"])
    return site.put("message", mailbox="desk", prompts=["leave-a-message"], longest_s=60, next=bye)

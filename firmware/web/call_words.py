"""A call in words, in the language of who reads: what became of it, and each step of its way."""

import re
from collections.abc import Mapping
from datetime import datetime

from firmware.call_search import IN_PROGRESS
from firmware.ledger import OUTCOME, Step
from firmware.topics import StepLine
from firmware.trace import SENTENCES
from firmware.web import moments
from firmware.web.words import Words, to_say

OUTCOMES: Mapping[str, str] = {
    IN_PROGRESS: to_say("in progress"),
    "answered": to_say("answered"),
    "abandoned": to_say("gave up waiting"),
    "short_abandoned": to_say("hung up at once"),
    "callback": to_say("call-back promised"),
    "message": to_say("left a message"),
    "self_served": to_say("served by the menu"),
    "transferred": to_say("transferred"),
    "emergency": to_say("emergency"),
    "blocked": to_say("blocked"),
    "failsafe": to_say("under the fail-safe"),
}
MATCHED, FREE = "matched", " free: "
# An instant as the exchange writes it.
INSTANT = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\d{4}-\d\d-\d\d \d\d:\d\d)\b")


def told(step: Step | StepLine, words: Words) -> str:
    """One step in one sentence; its detail in this language, as far as it has words of ours."""
    sentence = SENTENCES.get(step.step)
    if sentence is None:
        return f"{step.step} {step.detail}".rstrip()
    said = words.gettext(sentence.replace("{}", "%(detail)s"))
    return said.replace("%(detail)s", _detail(step, words)).rstrip()


def _detail(step: Step | StepLine, words: Words) -> str:
    if step.step == OUTCOME and step.detail in OUTCOMES:
        return words.gettext(OUTCOMES[step.detail])
    if step.step == MATCHED:
        head, free, phones = step.detail.partition(FREE)
        told_each = [words.told(each) for each in phones.split(", ")]
        return words.told(f"{head}{free}{', '.join(told_each)}")
    # One word is a name of the site's, as a step of a flow: it is not ours to translate.
    return in_words(step.detail, words) if " " in step.detail else step.detail


def in_words(said: str, words: Words) -> str:
    """What the exchange says, in this language, its days too."""

    def day(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[1])
        return moments.dated(at, words.locale)

    return words.told(INSTANT.sub(day, said))

"""May the talk be recorded? A caller is told or asked once per call, on the way to a person and
before anybody is rung; whoever refuses comes to the same person, unrecorded.

    announced: it is said, and who stays has agreed; 2 refuses
    by key:    1 agrees; 2, or no key, refuses

Whatever the answer, it stands in the ledger with the wording that was spoken and its language.
"""

from dataclasses import replace

from ivr import commands, flow, speaking
from ivr.flow import Place
from ivr.plan import Consent, Enqueue, Node, Plan, Recorded, Recording, Ring
from ivr.standing import Call, Moment, Stage, Step

ANNOUNCED, ASKED = "record-announce", "record-ask"
YES, NO = "1", "2"
# After the words: some look for their keys first. Who was only told needs to press nothing.
TOLD_S, ASKED_S = 1.5, 6.0
STEP = "consent"  # of the ledger
GIVEN, REFUSED = "given", "refused"


def rule_at(plan: Plan, line: Recording | None, place: Place) -> Recording | None:
    """By what rule talks are recorded that come about here: the queue's own before the line's.
    None: they are not."""
    node = flow.node_at(plan, place)
    match node:
        case Enqueue(queue=name):
            queue = plan.queues.get(name)
            rule = line if queue is None or queue.recording is None else queue.recording
        case Ring():
            rule = line
        case _:
            rule = None
    return None if rule is None or rule.when is Recorded.NEVER else rule


def rule_of(call: Call) -> Recording | None:
    """By what rule this call's talk is recorded."""
    return rule_at(call.plan, call.recorded_as, call.place)


def is_given(call: Call, rule: Recording) -> bool:
    """Whether the talk may be recorded by this rule."""
    return rule.consent is Consent.NONE or call.consents is True


def is_due(call: Call, node: Node) -> bool:
    """Whether the caller has to be told or asked before going on here."""
    if call.consents is not None or not isinstance(node, Enqueue | Ring):
        return False
    rule = rule_of(call)
    return rule is not None and rule.consent is not Consent.NONE


def prompts_of(plan: Plan) -> tuple[str, ...]:
    """What callers of this plan may hear of it."""
    rules = [line.recording for line in plan.lines.values()]
    rules += [queue.recording for queue in plan.queues.values()]
    used = {rule.consent for rule in rules if rule and rule.when is not Recorded.NEVER}
    return tuple(_wording(consent) for consent in Consent if consent in used - {Consent.NONE})


def begin(call: Call, at: Moment) -> Step:
    """Tell or ask. Whoever comes here has asked for a person."""
    asked_at = at.now if call.asked_at is None else call.asked_at
    asking = replace(call, stage=Stage.CONSENT, asked_at=asked_at)
    return speaking.speak(asking, (_wording(_how(call)),), at)


def spoken(call: Call, at: Moment) -> Call:
    """It has been said: a moment for the key."""
    return speaking.wait(call, TOLD_S if _how(call) is Consent.ANNOUNCE else ASKED_S, at)


def answered(call: Call, digit: str) -> tuple[Call, commands.Note] | None:
    """The caller has agreed or refused; None: the key means nothing here."""
    if digit not in (YES, NO):
        return None
    return _answered(call, given=digit == YES, by=f"key {digit}")


def silent(call: Call) -> tuple[Call, commands.Note]:
    """No key came."""
    is_told = _how(call) is Consent.ANNOUNCE
    return _answered(call, given=is_told, by="by staying" if is_told else "no key")


def _answered(call: Call, *, given: bool, by: str) -> tuple[Call, commands.Note]:
    said = f"{_wording(_how(call))} in {call.language}"
    detail = f"{GIVEN if given else REFUSED}: {by}, after {said}"
    return replace(call, consents=given), commands.Note(call.id, STEP, detail)


def _how(call: Call) -> Consent:
    rule = rule_of(call)
    return Consent.NONE if rule is None else rule.consent


def _wording(consent: Consent) -> str:
    return ANNOUNCED if consent is Consent.ANNOUNCE else ASKED

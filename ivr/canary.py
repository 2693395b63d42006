"""The self-test line's own little clinic: a menu, a queue, a telephone and a mailbox of its own.

A call on this line has a plan of its own, in which there is nobody but the canary, so whatever goes
wrong in a test it can ring no person, enter no real queue and leave no message for anybody.
"""

from ivr.plan import (
    Enqueue,
    Flow,
    Hangup,
    Line,
    Mailbox,
    Menu,
    Phone,
    Plan,
    Queue,
    TakeMessage,
    Urgency,
)

# Line, flow, queue, telephone and mailbox of the self-test; no site may use the name.
SELFTEST = "selftest"


def canary_of(plan: Plan) -> Plan:
    """The plan of a call on the self-test line of this clinic."""
    return Plan(
        name=plan.name,
        timezone=plan.timezone,
        language=plan.language,
        front_desk=(SELFTEST,),
        emergency_numbers=plan.emergency_numbers,
        trunks={},
        lines={SELFTEST: Line(SELFTEST, SELFTEST, (), SELFTEST, plan.language)},
        phones={SELFTEST: Phone(SELFTEST, "Self-test", "inside the box", "")},
        dial_rules=(),
        mailboxes={SELFTEST: Mailbox(SELFTEST, (), ())},
        hours={},
        queues={SELFTEST: _queue()},
        flows={SELFTEST: _flow()},
    )


def _queue() -> Queue:
    return Queue(
        SELFTEST,
        agents=(SELFTEST,),
        urgency=Urgency.ROUTINE,
        target_s=10,
        offer_s=5,
        rest_s=1,
        announce_s=30,
    )


def _flow() -> Flow:
    return Flow(
        SELFTEST,
        start="menu",
        nodes={
            "menu": Menu(
                ("selftest",),
                choices={"1": "queue", "2": "message", "3": "over"},
                timeout_s=3,
                tries=1,
                otherwise="over",
            ),
            "queue": Enqueue(SELFTEST, patience_s=10, otherwise="message", escape=None),
            "message": TakeMessage(SELFTEST, (), longest_s=10, next="over"),
            "over": Hangup(("goodbye",)),
        },
        zero="over",
    )

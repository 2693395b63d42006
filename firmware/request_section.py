"""The parts of the site file about requests: the section [requests], and the nodes `form` and
`identity`.

The forms say what may stand there; what no single form can see, `ivr.form.faults_of` tells.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from firmware.forms import Key, NodeStrict, Prompts, Strict, Target, Word
from ivr.asking import Kind, Question
from ivr.form import RequestKind, RequestRule, TakeRequest
from ivr.identity import AskIdentity, Factor

RequestWord = Annotated[
    RequestKind, Field(description=f"one of: {', '.join(kind for kind in RequestKind)}")
]
KindWord = Annotated[Kind, Field(description=f"one of: {', '.join(kind for kind in Kind)}")]
FactorWord = Annotated[Factor, Field(description=f"one of: {', '.join(each for each in Factor)}")]
Minutes = Annotated[
    float,
    Field(strict=True, ge=1, le=60 * 24 * 30, description="minutes, from 1 to 43200"),
]
DigitCount = Annotated[int, Field(strict=True, ge=1, le=20, description="digits, from 1 to 20")]
Tries = Annotated[int, Field(strict=True, ge=1, le=5, description="a whole number from 1 to 5")]
Timeout = Annotated[
    float, Field(strict=True, ge=3, le=30, description="a number of seconds from 3 to 30")
]
YesNo = Annotated[bool, Field(strict=True, description="true or false")]

NUMBER_DIGITS = 10  # of a telephone number in the North American plan, without the 1


class RequestForm(Strict):
    """What holds for requests of one kind."""

    due_min: Minutes
    hours: Word | None = None
    owner: Word | None = None

    def rule(self, kind: RequestKind) -> RequestRule:
        return RequestRule(kind, self.due_min * 60, self.hours, self.owner)


def rules_of(forms: Mapping[str, RequestForm]) -> dict[RequestKind, RequestRule]:
    """Of kinds there are; a name that is none has been told."""
    return {kind: forms[kind].rule(kind) for kind in RequestKind if kind in forms}


class QuestionForm(Strict):
    name: Word
    kind: KindWord
    prompts: Prompts
    least: DigitCount | None = None
    most: DigitCount | None = None
    choices: Annotated[
        dict[Key, Word],
        Field(
            default_factory=dict,
            max_length=10,
            description='keys with what they mean: { 1 = "new", 2 = "known" }',
        ),
    ]
    longest_s: Annotated[
        float, Field(strict=True, ge=5, le=300, description="a number of seconds from 5 to 300")
    ] = 60
    read_back: YesNo = True

    def question(self) -> Question:
        usual = (NUMBER_DIGITS, NUMBER_DIGITS) if self.kind is Kind.NUMBER else (1, 20)
        most = self.most or max(usual[1], self.least or 0)
        return Question(
            self.name,
            self.kind,
            tuple(self.prompts),
            self.least or min(usual[0], most),
            most,
            dict(self.choices),
            self.longest_s,
            self.read_back,
        )


class TakeRequestForm(NodeStrict):
    kind: Literal["form"]
    request: RequestWord
    questions: Annotated[
        list[QuestionForm],
        Field(
            min_length=1,
            max_length=10,
            description='1 to 10 questions like { name = "medicine", kind = "recorded",'
            ' prompts = ["which-medicine"] }',
        ),
    ]
    next: Target
    person: Target
    mailbox: Word | None = None
    tries: Tries = 3
    timeout_s: Timeout = 8
    identified: YesNo = False

    def node(self) -> TakeRequest:
        return TakeRequest(
            self.request,
            tuple(each.question() for each in self.questions),
            self.next,
            self.person,
            self.mailbox,
            self.tries,
            self.timeout_s,
            self.identified,
        )


class AskIdentityForm(NodeStrict):
    kind: Literal["identity"]
    ask: Annotated[
        list[FactorWord],
        Field(
            min_length=2,
            max_length=2,
            description=f'two of them, like ["birth-date", "phone"]: {", ".join(Factor)}',
        ),
    ]
    next: Target
    doubt: Target
    tries: Tries = 3
    timeout_s: Timeout = 8

    def node(self) -> AskIdentity:
        first, second = self.ask
        return AskIdentity((first, second), self.next, self.doubt, self.tries, self.timeout_s)


NODE_FORMS: Mapping[str, type[TakeRequestForm | AskIdentityForm]] = {
    "form": TakeRequestForm,
    "identity": AskIdentityForm,
}

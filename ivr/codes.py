"""What a telephone's own codes mean: dialled like a number, answered by one spoken sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ivr.events import AgentEvent, AgentPaused, AgentResumed, AgentSignedIn, AgentSignedOut


@dataclass(frozen=True, slots=True)
class Code:
    """What the phone that dialled it says of its agent, and the prompt once it holds."""

    event: Callable[[str], AgentEvent]
    said: str


CODES: Mapping[str, Code] = {
    "*50": Code(lambda extension: AgentPaused(extension, ""), "agent-paused"),
    "*51": Code(AgentResumed, "agent-resumed"),
    "*52": Code(AgentSignedOut, "agent-signed-out"),
    "*53": Code(AgentSignedIn, "agent-signed-in"),
}
UNKNOWN = "code-unknown"
FAILED = "code-failed"  # nobody of us heard it
PROMPTS = (*(code.said for code in CODES.values()), UNKNOWN, FAILED)

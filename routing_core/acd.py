"""The ACD: which waiting call meets which free agent. The tables live in C; only changes cross.

Asking changes nothing: whoever acts on a match says so, by `call_leaves` and `agent_busy`. A call
put back with the `since_ms` it had keeps its rank.
"""

from dataclasses import dataclass

from routing_core._core import ffi, lib


@dataclass(frozen=True, slots=True)
class Match:
    """A waiting call and the free agent who should answer it."""

    call: int
    agent: int


class Acd:
    """Calls and agents are numbered slots of two tables; skills and needs are bit masks."""

    __slots__ = ("_acd", "_agents", "_calls", "_match", "_memory")

    def __init__(self, agents: int = 256, calls: int = 1024) -> None:
        self._agents = agents
        self._calls = calls
        # uint64_t, because C asks for alignment to 8; the size is a multiple of it.
        self._memory = ffi.new("uint64_t[]", lib.rc_acd_size(agents, calls) // 8)
        self._acd = lib.rc_acd_init(self._memory, agents, calls)
        self._match = ffi.new("struct rc_match *")

    def call_waits(self, call: int, *, needs: int, since_ms: int, target_ms: int) -> None:
        """The call waits for somebody with all it needs, best within `target_ms` of `since_ms`."""
        if lib.rc_acd_call_waits(self._acd, call, needs, since_ms, target_ms) == lib.RC_BAD:
            raise ValueError(
                f"call {call} with target {target_ms} ms: give a slot below {self._calls}"
                " and a target from 0 ms on"
            )

    def call_leaves(self, call: int) -> None:
        """The call waits no more, or never did."""
        if lib.rc_acd_call_leaves(self._acd, call) == lib.RC_BAD:
            raise ValueError(f"call {call}: the table has slots 0 to {self._calls - 1}")

    def agent_free(self, agent: int, *, skills: int, since_ms: int) -> None:
        """The agent can be offered calls."""
        if lib.rc_acd_agent_free(self._acd, agent, skills, since_ms) == lib.RC_BAD:
            raise ValueError(f"agent {agent}: the table has slots 0 to {self._agents - 1}")

    def agent_busy(self, agent: int) -> None:
        """The agent is not to be offered calls, or never was."""
        if lib.rc_acd_agent_busy(self._acd, agent) == lib.RC_BAD:
            raise ValueError(f"agent {agent}: the table has slots 0 to {self._agents - 1}")

    def next_match(self) -> Match | None:
        """The most pressing call that somebody free can help, and who should; None: nobody can."""
        if lib.rc_acd_next(self._acd, self._match) == lib.RC_NONE:
            return None
        return Match(self._match.call, self._match.agent)

    def position(self, call: int) -> int:
        """The call's place among those who wait for the same, 1 being next."""
        position: int = lib.rc_acd_position(self._acd, call)
        if position == 0:
            raise LookupError(f"call {call} is not waiting, so it has no position")
        return position

"""The ACD: which waiting call meets which free agent. The tables live in C; only changes cross.

Calls, agents, needs and skills are numbered from 0, as `acd.cdef.h` tells; what is told here is
told there. A call or an agent that comes, and the time, are answered at once with a match, or None
when nobody can be helped now. Its agent is busy from then on and its call is offered to nobody
else: whoever is given it makes the offer, and says how it went: the call leaves, or it returns to
the rank it kept.
"""

from collections.abc import Mapping
from struct import Struct

from routing_core._core import ffi, lib

SKILLS = lib.RC_ACD_SKILLS
LEVELS = lib.RC_ACD_LEVELS
PLACES = lib.RC_ACD_PLACES

# A call, the agent who should answer it, and the need by which it waited: `struct rc_match`. A
# plain tuple, as one is made for each decision: a dataclass would cost more than the decision.
Match = tuple[int, int, int]
MATCH = Struct("=III")

# Looking a function up in `lib` costs a quarter of calling it, so those of each decision are known.
_call_waits = lib.rc_acd_call_waits
_agent_free = lib.rc_acd_agent_free
_read = MATCH.unpack
_NONE = lib.RC_NONE


class Acd:
    """Three tables: agents, calls, and what calls need."""

    __slots__ = ("_acd", "_agents", "_at_ms", "_calls", "_memory", "_needs", "_taken")

    def __init__(self, agents: int = 256, calls: int = 1024, needs: int = 256) -> None:
        size = lib.rc_acd_size(agents, calls, needs)
        if size == 0:
            raise ValueError(f"each table has 1 to {lib.RC_ACD_MOST} slots")
        self._agents, self._calls, self._needs = agents, calls, needs
        # uint64_t, because C asks for alignment to 8; the size is a multiple of it.
        self._memory = ffi.new("uint64_t[]", size // 8)
        self._acd = lib.rc_acd_init(self._memory, agents, calls, needs)
        self._taken = ffi.buffer(lib.rc_acd_taken(self._acd), MATCH.size)
        self._at_ms = ffi.new("int64_t *")

    def need_is(
        self, need: int, skills: Mapping[int, int], *, after_ms: int = 0, then: int | None = None
    ) -> None:
        """The need asks for these skills, each with the worst level that will do. Who has waited
        `after_ms` needs `then`, of a higher slot, instead. No skills unsay it."""
        status = lib.rc_acd_need_is(
            self._acd, need, _levels(skills), after_ms, need if then is None else then
        )
        if status == lib.RC_FULL:
            raise ValueError(f"need {need}: a call waits by it, or another need leads to it")
        if status == lib.RC_BAD:
            raise ValueError(
                f"need {need}, after {after_ms} ms {then}: needs have slots below {self._needs} and"
                " relax, from 0 ms on, to one of a higher slot that asks for something"
            )

    def agent_knows(self, agent: int, skills: Mapping[int, int]) -> None:
        """What the agent can do: skills, each with a level."""
        if lib.rc_acd_agent_knows(self._acd, agent, _levels(skills)):
            raise self._no_agent(agent)

    def agent_free(self, agent: int, *, since_ms: int, from_ms: int) -> Match | None:
        """The agent has been idle since then, and may be offered calls from `from_ms` on."""
        if not (status := _agent_free(self._acd, agent, since_ms, from_ms)):
            return _read(self._taken)
        if status != _NONE:
            raise self._no_agent(agent)
        return None

    def agent_busy(self, agent: int) -> None:
        """The agent is not to be offered calls."""
        if lib.rc_acd_agent_busy(self._acd, agent):
            raise self._no_agent(agent)

    def call_waits(self, call: int, *, need: int, since_ms: int, target_ms: int) -> Match | None:
        """The call waits for somebody with all that is needed, best within `target_ms` of
        `since_ms`. It may wait by several needs, told by the earliest deadline first; whichever is
        met first counts."""
        if not (status := _call_waits(self._acd, call, need, since_ms, target_ms)):
            return _read(self._taken)
        if status != _NONE:
            raise self._no_place(call, need, target_ms, is_full=status == lib.RC_FULL)
        return None

    def call_held(self, call: int) -> None:
        """The call is offered to nobody until it returns, in whatever places it stands."""
        if lib.rc_acd_call_held(self._acd, call):
            raise self._no_call(call)

    def call_returns(self, call: int) -> Match | None:
        """The offer came to nothing, or it was held: the call can be taken again, with the rank it
        kept."""
        if not (status := lib.rc_acd_call_returns(self._acd, call)):
            return _read(self._taken)
        if status != _NONE:
            raise self._no_call(call)
        return None

    def call_leaves(self, call: int) -> None:
        """The call waits no more, or never did."""
        if lib.rc_acd_call_leaves(self._acd, call):
            raise self._no_call(call)

    def time_is(self, now_ms: int) -> Match | None:
        """The time, by which rests end and needs relax. To be told until it brings nobody together,
        as several may meet by one time."""
        if not (status := lib.rc_acd_time_is(self._acd, now_ms)):
            return _read(self._taken)
        if status != _NONE:
            raise ValueError(f"{now_ms} ms is no time that the ACD can reckon with")
        return None

    def next_deadline(self) -> int | None:
        """When `time_is` will change something next; None: never, as things stand."""
        if lib.rc_acd_next_deadline(self._acd, self._at_ms) == lib.RC_NONE:
            return None
        return int(self._at_ms[0])

    def position(self, call: int, need: int) -> int:
        """The call's place among all who came by this need, offered or not; 1 is next."""
        position: int = lib.rc_acd_position(self._acd, call, need)
        if position == 0:
            raise LookupError(f"call {call} does not wait by need {need}: it has no position")
        return position

    def _no_agent(self, agent: int) -> ValueError:
        return ValueError(
            f"agent {agent}: the table has slots 0 to {self._agents - 1}, or its time"
        )

    def _no_call(self, call: int) -> ValueError:
        return ValueError(f"call {call}: the table has slots 0 to {self._calls - 1}")

    def _no_place(self, call: int, need: int, target_ms: int, *, is_full: bool) -> ValueError:
        if is_full:
            return ValueError(f"call {call} already waits by {PLACES} needs: it must leave first")
        return ValueError(
            f"call {call} by need {need} with target {target_ms} ms: give a call below"
            f" {self._calls}, a need that asks for something, and a target from 0 ms on"
        )


def _levels(skills: Mapping[int, int]) -> bytes:
    """A level for each skill, as C wants them; 0: not known, or not needed."""
    levels = bytearray(SKILLS)
    for skill, level in skills.items():
        if not (0 <= skill < SKILLS and 1 <= level <= LEVELS):
            raise ValueError(
                f"skill {skill} at level {level}: skills are 0 to {SKILLS - 1},"
                f" levels 1 (best) to {LEVELS}"
            )
        levels[skill] = level
    return bytes(levels)

"""Which tests run beside which: what keeps real time comes first, told by all workers but the last
two (of four, so two at a time); what only computes fills, at a lower priority, the time in which
those wait.

A file is told by one worker from its first test to its last, for its tests share a town; linters
share nothing, and each goes by itself. The longest go first, so that at the end nobody waits for
one: their order may grow old and costs a few seconds then, no more.
"""

from collections.abc import Iterable

from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Two Asterisks, their callers and our programs, or the engine's pace of 20 ms.
IN_REAL_TIME = (
    "tests/system/",
    "tests/faults/",
    "tests/depth/test_both_pairs",
    "tests/depth/test_bench_latency",
    "tests/routing_core/test_media",
)
SINGLY = ("tests/house/test_linters.py",)
COMPUTING = 2  # workers, the last ones, where that leaves two for real time
LESS_URGENT = 5  # a computing worker's nice value: a third of the time where all want it

LONGEST_FIRST = (
    "tests/house/test_linters.py::test_clang_tidy_finds_nothing_in_the_core",
    "tests/routing_core/test_c_host.py",
    "tests/house/test_linters.py::test_types_hold_in_the_strict_sense",
    "tests/firmware/test_listening_desk.py",
    "tests/firmware/test_disk_faults.py",
    "tests/routing_core/test_c_gives_the_same_bits.py",
    "tests/system/test_messages.py",
    "tests/system/test_emergency.py",
    "tests/system/test_queue.py",
    "tests/system/test_faults.py",
    "tests/system/test_failsafe.py",
    "tests/system/test_publish.py",
    "tests/system/test_desks.py",
    "tests/system/test_calls.py",
    "tests/system/test_recordings.py",
    "tests/routing_core/test_media.py",
    "tests/system/test_agents.py",
    "tests/system/test_calling_out.py",
    "tests/system/test_listening.py",
)


def waits(scope: str) -> bool:
    """Whether a file keeps real time, and so has a processor before all that computes."""
    return scope.startswith(IN_REAL_TIME)


def computes_only(worker: str, workers: int) -> bool:
    """Whether this one of so many is of the lower priority; one that stands in for another that
    was lost is not."""
    number = worker.removeprefix("gw")
    return number.isdecimal() and max(2, workers - COMPUTING) <= int(number) < workers


def next_of(scopes: Iterable[str], worker: str, workers: int) -> str | None:
    """What this worker does next, if there is anything left for it."""
    computes = computes_only(worker, workers)
    mine = [scope for scope in scopes if not (waits(scope) and computes)]
    return min(mine, key=lambda scope: (not waits(scope), _place(scope)), default=None)


def _place(scope: str) -> int:
    return LONGEST_FIRST.index(scope) if scope in LONGEST_FIRST else len(LONGEST_FIRST)


class Lanes(LoadScopeScheduling):
    """Hands out files, and not one before the worker's last is nearly through."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in SINGLY else file

    def _reschedule(self, node: WorkerController) -> None:
        # A worker runs its last test once it knows what comes after.
        if not node.shutting_down and self._pending_of(self.assigned_work[node]) <= 1:
            self._assign_work_unit(node)

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = next_of(self.workqueue, node.gateway.id, self.numnodes)
        if scope is None:
            node.shutdown()
            return
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

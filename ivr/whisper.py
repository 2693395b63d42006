"""What an agent hears before the caller is joined: what the call is about, and how long they have
waited. The caller hears music meanwhile, and waits no longer than the words last."""

from ivr.codes import spoken
from ivr.plan import Queue

TAG = 1  # of the words, on the agent's own leg
MOST_S = 8.0  # an end that is not told must not keep the caller
LEAST_WAIT_S = 60.0  # a wait not worth a word
WAITED, MINUTE, MINUTES = "waited", "minute", "minutes"
PROMPTS = (WAITED, MINUTE, MINUTES)


def words(queue: Queue, about: str, waited_s: float) -> tuple[str, ...]:
    """The prompts: the queue's own, what the caller chose in the menus, the wait. None where the
    site says nothing of either."""
    said = tuple(prompt for prompt in (queue.whisper, about) if prompt)
    if not said or waited_s < LEAST_WAIT_S:
        return said
    minutes = round(waited_s / 60)
    return (*said, WAITED, *spoken(minutes), MINUTE if minutes == 1 else MINUTES)

"""What an agent hears before the caller is joined: what the call is about, and how long they have
waited. The caller hears music meanwhile, and waits no longer than the words last."""

from ivr.codes import spoken
from ivr.plan import Queue

TAG = 1  # of the words, on the agent's own leg
MOST_S = 8.0  # an end that is not told must not keep the caller
LEAST_WAIT_S = 60.0  # a wait not worth a word
WAITED, MINUTE, MINUTES = "waited", "minute", "minutes"
PROMPTS = (WAITED, MINUTE, MINUTES)


def words(queue: Queue, waited_s: float) -> tuple[str, ...]:
    """The prompts; none where the site says nothing."""
    if queue.whisper is None:
        return ()
    if waited_s < LEAST_WAIT_S:
        return (queue.whisper,)
    minutes = round(waited_s / 60)
    return (queue.whisper, WAITED, *spoken(minutes), MINUTE if minutes == 1 else MINUTES)

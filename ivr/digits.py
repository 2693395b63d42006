"""One key is one digit, however it comes.

A key may show itself up to three times, in any order: as a tone in the audio, as Asterisk's word
that it went down, and as a frame when it came up, which may be seconds later. The first of them is
the digit; the others only confirm it. Each source tells a key once, so a source that speaks twice
means two keys, and pairing the oldest unconfirmed key first keeps `11` two digits.

    tone   ──●                 within SAME_KEY_S of the key going down, either first
    began  ──●                 ... or, if the link to Asterisk lags, up to LATE_BEGIN_S after the
    end ended  ────────────────●   up to HELD_MAX_S after the key went down
"""

from dataclasses import dataclass, replace

from ivr.events import KeyBegan, KeyEnded, ToneHeard

# The same key's tone and its begin lie this near: detector 25-36 ms, a jitter buffer, a busy link.
SAME_KEY_S = 0.3
# A link to Asterisk that lags more than this is taken for dead, and its callers leave us.
LATE_BEGIN_S = 3.0
# Longer than anybody leans on a key.
HELD_MAX_S = 10.0

KeyEvent = ToneHeard | KeyBegan | KeyEnded


@dataclass(frozen=True, slots=True)
class Key:
    """A key that has been counted, and when each source told of it."""

    digit: str
    tone_at: float | None = None
    began_at: float | None = None
    ended_at: float | None = None


# Keys that some source may still confirm, oldest first.
Keys = tuple[Key, ...]


def fuse(keys: Keys, event: KeyEvent, now: float) -> tuple[Keys, bool]:
    """The keys after the event, and whether it is a digit not yet counted."""
    alive = tuple(key for key in keys if now - _latest(key) <= HELD_MAX_S)
    index = _told_before(alive, event, now)
    if index is None:
        return (*alive, _told(Key(event.digit), event, now)), True
    return (*alive[:index], _told(alive[index], event, now), *alive[index + 1 :]), False


def _told_before(keys: Keys, event: KeyEvent, now: float) -> int | None:
    """The oldest key that this event confirms."""
    return next((i for i, key in enumerate(keys) if _is_same(key, event, now)), None)


def _is_same(key: Key, event: KeyEvent, now: float) -> bool:
    if key.digit != event.digit:
        return False
    match event:
        case ToneHeard():
            return key.tone_at is None and (
                _within(key.began_at, now, SAME_KEY_S) or _within(key.ended_at, now, SAME_KEY_S)
            )
        case KeyBegan():
            return key.began_at is None and (
                _within(key.tone_at, now, SAME_KEY_S) or _within(key.ended_at, now, LATE_BEGIN_S)
            )
        case KeyEnded():
            return key.ended_at is None and (
                _within(key.began_at, now, HELD_MAX_S) or _within(key.tone_at, now, HELD_MAX_S)
            )


def _within(at: float | None, now: float, limit_s: float) -> bool:
    return at is not None and now - at <= limit_s


def _told(key: Key, event: KeyEvent, now: float) -> Key:
    match event:
        case ToneHeard():
            return replace(key, tone_at=now)
        case KeyBegan():
            return replace(key, began_at=now)
        case KeyEnded():
            return replace(key, ended_at=now)


def _latest(key: Key) -> float:
    return max(at for at in (key.tone_at, key.began_at, key.ended_at) if at is not None)

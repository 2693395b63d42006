"""Who is examined: ours, and whatever peers this machine has; to each, audio in and digits out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from firmware.bench.peers.dtmf import Peer, peers
from routing_core.audio import Pcm
from routing_core.dtmf import Detector, ToneBegan, ToneEnded
from tests.dtmf.score import Heard


@dataclass(frozen=True, slots=True)
class Examinee:
    """A detector under its name; each call to `hear` begins afresh."""

    name: str
    hear: Callable[[Pcm], list[Heard]]


def hear_ours(pcm: Pcm) -> list[Heard]:
    """The C core's own detector, through its Python face."""
    heard: list[Heard] = []
    for event in Detector().feed(pcm):
        match event:
            case ToneBegan(digit, at, decided):
                heard.append(Heard(digit, decided, at))
            case ToneEnded(digit, at, _):
                down = max(n for n, key in enumerate(heard) if key.digit == digit)
                heard[down] = replace(heard[down], end=at)
    return heard


OURS = Examinee("ours", hear_ours)


def everybody() -> list[Examinee]:
    """Ours first, then the peers that this machine has."""
    return [OURS, *(Examinee(peer.name, _as_heard(peer)) for peer in peers())]


def _as_heard(peer: Peer) -> Callable[[Pcm], list[Heard]]:
    return lambda pcm: [Heard(told.digit, told.decided) for told in peer.hear(pcm)]

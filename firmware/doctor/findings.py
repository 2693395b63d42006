"""What a measure means: a colour, the figure in words, and what to do. Pure.

A limit has its source beside it; "ours" is a judgement of this project, made so that a person at
the telephone would notice from amber on and complain at red. Nothing that is not measured is green.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from firmware.doctor.keying import Key
from firmware.doctor.sounding import SENT_DBM0, SILENCE_DBM0, Echo, Found

# Of an idle line, psophometric. A telephone's own codec stays under -65 (ITU-T G.712); ours.
NOISE_AMBER_DBM0P, NOISE_RED_DBM0P = -55.0, -45.0
CLIPPED_MOST = 0.0005  # of all samples: ours
# An echo canceller may take for granted that what comes back is 6 dB lower (ITU-T G.168), and is
# asked for where speech is on its way for more than 25 ms (ITU-T G.131): 50 ms there and back.
ECHO_LEAST_DB, ECHO_NEAR_MS = 6.0, 50.0
NEAR_RED_DB, NEAR_AMBER_DB = 6.0, 14.0  # heard as one's own voice in the telephone: ours
FAR_RED_DB, FAR_AMBER_DB = 25.0, 40.0  # ours
# There and back, twice what ITU-T G.114 gives for one way: few notice 150 ms, 400 ms is the most.
DELAY_AMBER_MS, DELAY_RED_MS = 300.0, 800.0
# What a receiver of keys must take, each tone and the high above the low (ITU-T Q.24, annex A).
KEY_MOST_DBM0, KEY_LEAST_DBM0 = 0.0, -25.0
TWIST_MOST_DB, TWIST_LEAST_DB = 4.0, -8.0
# Of the frames that should have come: ours; a call's first few are lost while it is set up.
COME_RED, COME_AMBER = 0.5, 0.9
# Between two ends inside the box nothing is made louder or quieter; G.711 alone strays by 0.3 dB.
LOSS_AMBER_DB, LOSS_RED_DB = 1.0, 3.0


class Colour(IntEnum):
    """As Nagios' plugins end: 0, 1, 2."""

    GREEN = 0
    AMBER = 1
    RED = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `cure` is empty where all is well."""

    about: str
    colour: Colour
    figure: str
    cure: str = ""


def worst(findings: Iterable[Finding]) -> Colour:
    """Of all of them."""
    return max((each.colour for each in findings), default=Colour.GREEN)


def _graded(value: float, amber: float, red: float) -> Colour:
    """More is worse."""
    return Colour.RED if value > red else Colour.AMBER if value > amber else Colour.GREEN


def _finding(about: str, colour: Colour, figure: str, cure: str) -> Finding:
    return Finding(about, colour, figure, cure if colour else "")


def of_sound(found: Found) -> tuple[Finding, ...]:
    """What one end heard of the other."""
    return (of_noise(found.noise_dbm0, found.noise_dbm0p), *_of_clipping(found.clipped))


def of_noise(dbm0: float, dbm0p: float) -> Finding:
    """Of a line on which nobody speaks."""
    return _finding(
        "noise",
        _graded(dbm0p, NOISE_AMBER_DBM0P, NOISE_RED_DBM0P),
        f"{dbm0p:.1f} dBm0p with nobody speaking ({dbm0:.1f} dBm0 unweighted)",
        "have somebody hold the far telephone still and try again; if it stays, move the line's"
        " cable away from power cables, change cable and splitter, then call the telephone company",
    )


def _of_clipping(share: float) -> tuple[Finding, ...]:
    if share <= CLIPPED_MOST:
        return ()
    return (
        Finding(
            "overdriven",
            Colour.RED,
            f"{share:.2%} of what comes is at the very end of its range",
            "lower the receive gain of the gateway or card that has this line",
        ),
    )


def of_echo(
    echo: Echo | None, own_ms: float = 0.0, noise_dbm0p: float = SILENCE_DBM0
) -> tuple[Finding, ...]:
    """What comes back, and how late; `own_ms` is what the box itself takes there and back. In loud
    noise no echo is found that there is."""
    if echo is None and noise_dbm0p > NOISE_RED_DBM0P:
        said = "cannot be measured: what else is on the line is too loud"
        return (Finding("echo", Colour.AMBER, said, "see to the noise first, then try again"),)
    if echo is None:
        return (Finding("echo", Colour.GREEN, "nothing comes back"),)
    far_ms = max(0.0, echo.delay_ms - own_ms)
    limits = (NEAR_AMBER_DB, NEAR_RED_DB) if far_ms <= ECHO_NEAR_MS else (FAR_AMBER_DB, FAR_RED_DB)
    colour = _graded(-echo.loss_db, -limits[0], -limits[1])
    comes = f"comes back {echo.loss_db:.1f} dB lower after {far_ms:.0f} ms"
    delay = _finding(
        "delay",
        _graded(far_ms, DELAY_AMBER_MS, DELAY_RED_MS),
        f"{far_ms:.0f} ms there and back, {own_ms:.0f} ms of the box itself not counted",
        "the way is long: have the provider choose a nearer server, and give telephones the way"
        " before downloads in the router",
    )
    cure = (
        "switch on the echo canceller of the gateway that has this line and set its impedance to"
        " the country's; lower its receive gain; at the far end, no loudspeaker"
    )
    return (_finding("echo", colour, comes, cure), delay)


def of_frames(come: int, due: int) -> Finding:
    """Whether sound comes from the far end at all. Both are counted in frames of 20 ms."""
    share = come / max(1, due)
    colour = _graded(-share, -COME_AMBER, -COME_RED)
    what = "one-way audio: " if share < COME_RED else ""
    return _finding(
        "both ways",
        colour,
        f"{what}{come} of {due} frames came",
        "the router or a firewall lets sound out and not in: open the RTP ports for the telephone"
        " company's addresses and switch off the router's SIP helper (ALG)",
    )


def of_silence(found: Found, come: int) -> tuple[Finding, ...]:
    """Frames that hold nothing at all, not even noise, come of a far end that is muted."""
    if not come or found.noise_dbm0 > SILENCE_DBM0 or found.echo is not None:
        return ()
    return (
        Finding(
            "far end",
            Colour.AMBER,
            "what comes is digital silence: it is muted, or it sends nothing while nobody speaks",
            "try again with a telephone that is not muted, and nobody speaking",
        ),
    )


def of_level(heard_dbm0: float, about: str) -> Finding:
    """Of our own tone at an end that is ours, too."""
    loss = SENT_DBM0 - heard_dbm0
    if heard_dbm0 <= SILENCE_DBM0 + 1:
        return Finding(
            about,
            Colour.RED,
            "one-way audio: the tone that was sent did not arrive",
            "restart the box; if it stays, call your technician",
        )
    return _finding(
        about,
        _graded(abs(loss), LOSS_AMBER_DB, LOSS_RED_DB),
        f"{heard_dbm0:.1f} dBm0 of {SENT_DBM0:.1f} dBm0 sent",
        "something inside the box changes the level; call your technician",
    )


def of_keys(keys: tuple[Key, ...], beside: str) -> tuple[Finding, ...]:
    """Of keys that somebody pressed at the far end; `beside` came as messages and not as tones."""
    found = tuple(_of_key(key) for key in keys)
    if beside:
        said = f"{' '.join(beside)} came as messages: the line takes the tones out"
        found += (Finding("keys", Colour.GREEN, said),)
    if not found:
        return (
            Finding(
                "keys",
                Colour.AMBER,
                "no key was heard",
                "press keys at the far end when asked to; if you did, set the gateway to send keys"
                " by RFC 4733",
            ),
        )
    return found


def _of_key(key: Key) -> Finding:
    weak = min(key.low_dbm0, key.high_dbm0) < KEY_LEAST_DBM0
    loud = max(key.low_dbm0, key.high_dbm0) > KEY_MOST_DBM0
    twisted = not TWIST_LEAST_DB <= key.twist_db <= TWIST_MOST_DB
    cure = (
        "the line's cable takes the high tone away: have the line measured, and set the gateway to"
        " send keys by RFC 4733"
        if twisted
        else "raise the receive gain of the gateway that has this line"
        if weak
        else "lower the receive gain of the gateway that has this line"
    )
    return _finding(
        f"key {key.digit}",
        Colour.RED if weak or loud or twisted else Colour.GREEN,
        f"{key.low_dbm0:.1f} and {key.high_dbm0:.1f} dBm0, twist {key.twist_db:+.1f} dB",
        cure,
    )

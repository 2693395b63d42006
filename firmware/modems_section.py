"""The sections of the site file for LTE and GSM modems: [modems], where each is plugged in, and
[modem_only], by which a clinic that has no other line takes upon itself what that means.

A modem's voice goes through our own programs, so an emergency call by it hangs on them. A clinic
without a line that Asterisk carries alone is refused until somebody has written that they know.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from firmware.forms import Label, Strict
from firmware.toml_lines import Path
from firmware.updates_section import Day
from hw.modem.port import check_path
from ivr import plan

SENTENCE = "911 may fail"  # as it has to be typed


def _lasting(path: str) -> str:
    check_path(path)  # raises ValueError for a port's number
    return path


PortPath = Annotated[
    str,
    Field(
        pattern=r"^/[A-Za-z0-9_.:/+-]{2,200}$",
        description="a port by where it is plugged in, as it stands under /dev/serial/by-path",
    ),
    AfterValidator(_lasting),
]


class ModemForm(Strict):
    """One that is plugged in: its port for commands, and the one on which its voice goes."""

    port: PortPath
    voice: PortPath

    def modem(self, name: str) -> plan.Modem:
        return plan.Modem(name, self.port, self.voice)


class ModemOnlyForm(Strict):
    """Who accepts that a modem alone carries emergency calls, and when."""

    accepted: Annotated[str, Field(pattern=f"^{SENTENCE}$", description=f"the words: {SENTENCE}")]
    by: Label
    on: Day

    def words(self) -> str:
        """As it is told to whoever asks."""
        return f"{self.by}, {self.on}"


Fault = Callable[[Path, str, str], None]


def must_be_carried(
    lines: Mapping[str, plan.Line],
    rules: Mapping[int, plan.DialRule],
    fault: Fault,
) -> None:
    """A line, and a rule for dialling, goes by a trunk or by a modem."""
    ways: list[tuple[Path, str, str]] = [
        *((("lines", name), line.trunk, line.modem) for name, line in lines.items()),
        *((("dial_rules", index), rule.trunk, rule.modem) for index, rule in rules.items()),
    ]
    for path, trunk, modem in ways:
        if bool(trunk) == bool(modem):
            reason = "goes by a trunk and by a modem" if trunk else "goes by no trunk and no modem"
            fault(path, reason, "name one of them: trunk = or modem =")


def must_be_others(rule: plan.DialRule, path: Path, fault: Fault) -> None:
    """What is tried when a trunk fails is another trunk."""
    if rule.otherwise and not rule.trunk:
        fault(path, "there is no first trunk to fail", "name the first with trunk =")
    elif len(set(rule.trunks)) < len(rule.trunks):
        fault(path, "a trunk stands in this order twice", "name each trunk once")


def must_lead_somewhere(trunks: Mapping[str, plan.Trunk], fault: Fault) -> None:
    """Some companies have one address for all, most trunks name theirs."""
    for name, trunk in trunks.items():
        if not trunk.host and trunk.card is None:
            cure = "write the company's address as host ="
            fault(("trunks", name), "this trunk has no host", cure)


def must_be_known(
    trunks: Mapping[str, plan.Trunk],
    lines: Mapping[str, plan.Line],
    others: Collection[str],
    fault: Fault,
) -> None:
    """Calls of these trunks come from other addresses than the one that they are made to, and who
    is not known by an address is a stranger."""
    coming = {line.trunk for line in lines.values()}
    for name in coming.intersection(others, trunks):
        if not trunks[name].calls_from and trunks[name].card is None:
            reason = "this company's calls come from addresses of their own"
            cure = "write them as calls_from = [...], as the company's papers list them"
            fault(("trunks", name), reason, cure)


def keys_must_be_hidden(trunks: Mapping[str, plan.Trunk], fault: Fault) -> None:
    """The keys of a talk stand in its signalling (RFC 4568), which hides them by TLS alone."""
    for name, trunk in trunks.items():
        if trunk.srtp is not plan.Encrypted.NEVER and trunk.transport is not plan.Transport.TLS:
            reason = "srtp needs tls: else whoever listens reads the keys too"
            fault(("trunks", name, "srtp"), reason, 'write transport = "tls", or leave srtp out')


def must_be_accepted(
    trunks: Mapping[str, plan.Trunk],
    modems: Collection[str],
    accepted: ModemOnlyForm | None,
    fault: Fault,
) -> None:
    """Emergency calls have a line that Asterisk carries alone, or somebody knows they have none."""
    if any(trunk.emergency for trunk in trunks.values()):
        return
    if trunks and not modems:
        reason = "no line takes emergency calls"
        fault(("trunks",), reason, "take emergency = false out of one of them, or add a trunk")
    elif modems and accepted is None:
        fault(
            ("modems",),
            "emergency calls would go by a modem alone, and so hang on our programs and on a"
            " mobile network",
            "add a trunk, or whoever is responsible writes [modem_only] with"
            f' accepted = "{SENTENCE}", by = "…" and on = "2026-11-23"',
        )


def ports_are_apart(modems: Mapping[str, plan.Modem], fault: Fault) -> None:
    """A port has one owner."""
    seen: dict[str, str] = {}
    for name, modem in modems.items():
        for key, port in (("port", modem.port), ("voice", modem.voice)):
            other = seen.setdefault(port, f"{name}, {key}")
            if other != f"{name}, {key}":
                fault(("modems", name, key), f"is the port of {other} too", "name its own port")

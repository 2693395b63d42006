"""A telephone card: what a site may say of it, what DAHDI and Asterisk are told, and how it stands.
None was tried in its metal."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware import card_watch, line_ear, settings
from firmware.asterisk import card_states, config, dahdi, dialplan, line_groups
from firmware.asterisk.config import Paths, Ports
from firmware.asterisk.publish import needs_restart
from firmware.asterisk.wire import Message
from firmware.cli.lines import app
from firmware.lines_desk import line_now
from firmware.settings import SiteFaults
from firmware.site_secrets import Secrets
from ivr.plan import Plan
from tests.sites import head

PORTS = Ports(sip=5060, ami=5038, engine=5039, rtp_first=10_000, rtp_last=10_999)
PATHS = Paths(*map(Path, ("/etc", "/state", "/prompts", "/modules", "/sip.pem", "/trusted.pem")))
FXO = 'ports = ["2025550100"]\n[trunks.telco.card]\nchannels = "1-2"\n'
T1 = '[trunks.isdn.card]\nkind = "t1"\nchannels = "3-26"\ngroup = 2\n'
E1 = '[trunks.isdn.card]\nkind = "e1"\nchannels = "3-33"\ngroup = 2\necho = "off"\n'
BRI = '[trunks.isdn.card]\nkind = "bri"\nchannels = "3-5"\ngroup = 2\n'

SYSTEM = """\
# Written by CareLine from its site file.
# telco
fxsks=1-2
echocanceller=mg2,1-2
# isdn
span=1,1,0,esf,b8zs
bchan=3-25
dchan=26
echocanceller=mg2,3-25
loadzone=us
defaultzone=us
"""
CHANNELS = """\
[trunkgroups]

[channels]
ignore_failed_channels=yes

group=1
usecallerid=yes
hidecallerid=no
callwaiting=no
threewaycalling=no
transfer=no
immediate=no
faxdetect=no
callprogress=no
echocancel=yes
echocancelwhenbridged=yes
signalling=fxs_ks
cidsignalling=bell
cidstart=ring
answeronpolarityswitch=no
hanguponpolarityswitch=no
busydetect=yes
busycount=6
busypattern=500,500
context=port-1
channel => 1
context=port-2
channel => 2

group=2
usecallerid=yes
hidecallerid=no
callwaiting=no
threewaycalling=no
transfer=no
immediate=no
faxdetect=no
callprogress=no
echocancel=yes
echocancelwhenbridged=yes
signalling=pri_cpe
switchtype=national
pridialplan=unknown
prilocaldialplan=unknown
priindication=outofband
overlapdial=no
busydetect=no
context=from-isdn
channel => 3-25
"""


def site(card: str = FXO, more: str = "") -> str:
    """A clinic whose line is a card."""
    text = head(["101"]).replace('host = "127.0.0.2"\n', card)
    return text.replace('flow = "main"', 'phone = "101"') + more


def plan(card: str = FXO, more: str = "") -> Plan:
    return settings.read(site(card, more))


def files(site: Plan) -> dict[str, str]:
    secrets = Secrets("a" * 48, "b" * 48, dict.fromkeys(site.phones, "c" * 48), {})
    return config.generate(site, secrets, PORTS, PATHS)


def test_the_kernel_and_asterisk_are_told_of_each_card_to_the_letter() -> None:
    made = files(plan(more=T1))
    assert made[dahdi.SYSTEM] == SYSTEM
    assert made["chan_dahdi.conf"] == CHANNELS
    assert made["modules.conf"].endswith("load=chan_dahdi\n")
    assert "trunk-telco" not in made["pjsip.conf"]


def test_a_card_that_changes_waits_for_asterisk_s_next_start(tmp_path: Path) -> None:
    for name, made in (("now", files(plan())), ("later", files(plan(f'{FXO}echo = "off"\n')))):
        (tmp_path / name).mkdir()
        for file, text in made.items():
            (tmp_path / name / file).write_text(text, "utf-8")
    assert needs_restart(tmp_path / "now", tmp_path / "later")
    assert not needs_restart(tmp_path / "now", tmp_path / "now")


def test_a_site_without_a_card_has_nothing_of_it() -> None:
    made = files(plan('host = "127.0.0.2"\n'))
    assert {"chan_dahdi.conf", dahdi.SYSTEM}.isdisjoint(made)
    assert "dahdi" not in "".join(made.values()).lower()


def test_the_signals_of_a_european_span_go_in_its_midst_and_those_of_a_basic_line_last() -> None:
    e1, bri = dahdi.system(plan(more=E1)), dahdi.system(plan(more=BRI))
    assert "span=1,1,0,ccs,hdb3,crc4\nbchan=3-17,19-33\ndchan=18\nloadzone" in e1
    assert "span=1,1,0,ccs,ami\nbchan=3-4\nhardhdlc=5\nechocanceller=mg2,3-4\n" in bri
    assert "signalling=bri_cpe_ptmp\nswitchtype=euroisdn\n" in dahdi.channels(plan(more=BRI))
    assert "echocancel=no" in dahdi.channels(plan(more=E1))


def test_the_country_of_the_clinic_says_how_a_line_tells_who_calls_and_hangs_up() -> None:
    british = '\nzone = "uk"\nsignalling = "loop-start"\n'
    told = dahdi.channels(plan(FXO + british))
    assert "signalling=fxs_ls\ncidsignalling=v23\ncidstart=polarity\n" in told
    assert "loadzone=uk\ndefaultzone=uk\n" in dahdi.system(plan(FXO + british))


def test_who_calls_by_a_card_comes_in_where_all_lines_do_and_911_goes_out_by_it() -> None:
    read = plan(more=T1)
    text = files(read)["extensions.conf"]
    assert "[port-1]\nexten => s,1,Goto(from-telco,2025550100,1)\n" in text
    assert "[port-2]\nexten => s,1,Goto(from-telco,2025550100,1)\n" in text
    assert "Dial(DAHDI/g1/${CENTRE},,${MEANWHILE})" in text
    assert 'IF($["${BUSY}" = ""]?:|)}DAHDI/1-|DAHDI/2-)' in text
    assert 'IF($["${BUSY}" = ""]?:|)}DAHDI/i1/)' in text
    assert dialplan.carriers(read) == ["trunk-telco", "trunk-isdn"]


def test_a_number_outside_is_called_by_the_group_of_the_card_and_nobody_watches_it() -> None:
    rule = '\n[[dial_rules]]\nprefix = "9"\ndigits = 10\ntrunk = "telco"\notherwise = ["isdn"]\n'
    read = plan(more=f'{T1}{rule}shows = "2025550100"\n')
    text = files(read)["extensions.conf"]
    assert "Dial(DAHDI/g1/${FILTER(0-9,${EXTEN:1})},120,TK)" in text
    assert line_groups.channel_to(read, read.dial_rules[0], "2025550142") == (
        "Local/2025550142@by-rule-1/n"
    )


def test_an_analog_line_of_a_card_is_listened_to_for_a_hang_up_as_a_gateway_s_is() -> None:
    read = plan()
    assert line_ear.silence_of(read, read.lines["main"]) == 3600
    assert line_ear.listened_for(read, read.lines["main"])
    isdn = plan('[trunks.telco.card]\nkind = "t1"\nchannels = "1-24"\n')
    assert line_ear.silence_of(isdn, isdn.lines["main"]) == 0


@pytest.mark.parametrize(
    ("card", "more", "where", "reason"),
    [
        ('[trunks.telco.card]\nchannels = "4-1"\n', "", "trunks.telco.card.channels", "fit"),
        ('[trunks.telco.card]\nchannels = "one"\n', "", "trunks.telco.card.channels", "fit"),
        ('[trunks.telco.card]\nkind = "t1"\nchannels = "1-23"\n', "", "trunks.telco.card", "24"),
        ('[trunks.telco.card]\nchannels = "1-49"\n', "", "trunks.telco.card", "so many"),
        (f'{FXO}switch = "ni1"\n', "", "trunks.telco.card", "no switch"),
        (f'{FXO}zone = "xx"\n', "", "trunks.telco.card.zone", "fit"),
        (f'host = "127.0.0.2"\n{FXO}', "", "trunks.telco.card", "host or provider too"),
        (f'gateway = "ht813"\n{FXO}', "", "trunks.telco.card", "gateway too"),
        (FXO, T1.replace("group = 2\n", ""), "trunks.isdn.card.group", "another card's"),
        (FXO, T1.replace("3-26", "2-25"), "trunks.isdn.card.channels", "another card's"),
        (FXO, f'{T1}caller_id = "bell"\n', "trunks.isdn.card", "by itself"),
        (FXO.replace("100", "199"), "", "trunks.telco.ports", "no line of this trunk"),
        ("emergency = false\n" + FXO, "", "trunks", "no line takes emergency calls"),
    ],
)
def test_what_cannot_be_is_told_with_its_line_the_reason_and_the_cure(
    card: str, more: str, where: str, reason: str
) -> None:
    with pytest.raises(SiteFaults) as refused:
        plan(card, more)
    (fault,) = refused.value.faults
    assert (fault.where, reason in fault.reason) == (where, True), str(fault)
    assert fault.line > 1
    assert fault.cure


def told(*lines: str) -> Message:
    return Message("\r\n".join(("", *lines, "")).encode())


def channel(number: int, alarm: str = card_states.NO_ALARM) -> Message:
    return told("Event: DAHDIShowChannels", f"DAHDIChannel: {number}", f"Alarm: {alarm}")


def span(number: int, up: str) -> Message:
    return told("Event: PRIShowSpans", f"Span: {number}", f"Up: {up}")


TALKS = [channel(number) for number in range(3, 26)]


@pytest.mark.parametrize(
    ("name", "channels", "spans", "detail"),
    [
        ("telco", [], [], card_watch.NOT_THERE),
        ("telco", [channel(1)], [], card_watch.NOT_THERE),
        ("telco", [channel(1), channel(2, "Red Alarm")], [], card_watch.NO_LINE.format(2)),
        ("telco", [channel(1), channel(2)], [], "a card, 2 channels"),
        ("isdn", TALKS, [], card_watch.SILENT),
        ("isdn", TALKS, [span(1, "No")], card_watch.SILENT),
        ("isdn", TALKS, [span(1, "Yes")], "a card, 23 channels"),
    ],
)
def test_a_card_tells_whether_it_is_there_and_its_lines_are(
    name: str, channels: list[Message], spans: list[Message], detail: str
) -> None:
    trunk = plan(more=T1).trunks[name]
    assert trunk.card
    part = card_watch.part_of(trunk, trunk.card, card_states.seen(channels, spans))
    assert part.detail == detail
    assert (part.state == "alarm") == bool(part.cure) == (not detail.startswith("a card"))


def test_an_asterisk_that_knows_no_cards_is_told_among_the_lines_with_what_to_install() -> None:
    read = plan()
    trunk = read.trunks["telco"]
    assert trunk.card
    part = card_watch.part_of(trunk, trunk.card, None)
    told = line_now(read, read.lines["main"], {part.name: part}, 0, None)
    assert (told.kind, told.state, told.detail) == ("card", "alarm", card_watch.NO_DRIVER)
    assert "asterisk-dahdi" in told.cure


def test_the_console_prints_the_kernel_s_file_alone_and_beside_it_what_to_do(
    tmp_path: Path,
) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text(site(more=T1))
    typed = ["lines", "settings", "telco", "--site", str(file)]
    result = CliRunner().invoke(app, typed, env={"CARELINE_HOME": str(tmp_path)})
    assert result.stdout == SYSTEM
    assert "dahdi_cfg" in result.stderr

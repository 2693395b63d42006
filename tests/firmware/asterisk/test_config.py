"""What Asterisk is told: nothing that opens it, and nothing that a site's text could bend."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from firmware import settings
from firmware.asterisk import config, desk_dialplan, tap_dialplan, written
from firmware.asterisk.config import Paths, Ports
from firmware.asterisk.publish import needs_restart, united
from firmware.asterisk.written import UnwritableError
from firmware.site_secrets import Secrets, secrets_of
from ivr.plan import Address, Modem, Plan, Recorded, Recording

TEMPLATE = Path(settings.__file__).parent / "template" / "clinic.toml"
PLAN = settings.read(TEMPLATE.read_text("utf-8"))
PORTS = Ports(sip=5060, ami=5038, engine=5039, rtp_first=10_000, rtp_last=10_999)
KEYS = ("/site/keys/sip.pem", "/site/keys/authorities.pem")
PATHS = Paths(*map(Path, ("/site/current", "/site", "/prompts", "/modules", *KEYS)))
SECRETS = Secrets("a" * 48, "b" * 48, dict.fromkeys(PLAN.phones, "c" * 48), {})

HOSTILE = [
    "Bob\r\nAction: Originate",
    "Front\n[evil]\ntype=endpoint",
    "${SHELL(id)}",
    "Front; desk",
    'Front" <911>',
    "a,System(id)",
    "x" * 10_000,
    "\u2028",
]


def files(plan: Plan = PLAN) -> dict[str, str]:
    return config.generate(plan, SECRETS, PORTS, PATHS)


def test_nothing_is_open_that_need_not_be() -> None:
    made = files()
    assert "autoload=no" in made["modules.conf"]
    for unwanted in ("http", "ari", "voicemail", "mixmonitor", "app_record", "anonymous", "system",
                     "func_env", "func_shell", "native_rtp"):  # fmt: skip
        assert unwanted not in made["modules.conf"]
    assert "http.conf" not in made
    assert "ari.conf" not in made
    assert "live_dangerously = no" in made["asterisk.conf"]
    assert "bindaddr=127.0.0.1" in made["manager.conf"]
    assert "read=call,dtmf,user,reporting\nwrite=call,originate,reporting\n" in made["manager.conf"]
    assert "strictrtp=yes" in made["rtp.conf"]
    assert "anonymous" not in made["pjsip.conf"]


def test_wherever_the_dialplan_leads_there_is_a_step() -> None:
    """Asterisk takes a label that nobody has, and ends the call of whoever is led there: a 911 call
    by a modem was, where nobody answered at once."""
    port = "/dev/serial/by-path/usb-0:2"
    modem = Modem("front-desk2", port, port)
    rule = replace(PLAN.dial_rules[0], trunk="", modem=modem.name)
    plan = replace(PLAN, modems={modem.name: modem}, dial_rules=(*PLAN.dial_rules, rule))
    for block in files(plan)["extensions.conf"].split("\n[")[1:]:
        for steps in re.split(r"\nexten => ", block)[1:]:
            labels = set(re.findall(r"[n1]\(([a-z0-9-]+)\),", steps))
            for ways in re.findall(r"GotoIf\(.*\?([a-z0-9:-]+)\)$", steps, re.MULTILINE):
                near = (each for each in ways.split(":") if re.fullmatch("[a-z][a-z0-9-]*", each))
                assert labels.issuperset(near), steps
            assert not re.search(r"^ same => n(\([^)]*\))?,[^A-Z]", steps, re.MULTILINE), steps


def test_no_telephone_reaches_what_listens_to_talks() -> None:
    listens = {tap_dialplan.SPY, tap_dialplan.TAP}
    for block in files()["extensions.conf"].split("\n[")[1:]:
        name, _, steps = block.partition("]")
        if "ChanSpy(" in steps:
            assert name == tap_dialplan.SPY
        led_to = re.findall(r"(?:include => |Goto\(|GotoIf\([^?]*\?|Gosub\()([a-z-]+)", steps)
        assert not listens & set(led_to), name


def test_an_agent_has_keys_for_a_recording_only_where_one_is_made() -> None:
    assert "DYNAMIC_FEATURES" not in files()["extensions.conf"]
    always = Recording(Recorded.ALWAYS, mailbox="nurse")
    nurse = replace(PLAN.queues["nurse"], recording=always)
    recording = replace(PLAN, queues={**PLAN.queues, "nurse": nurse})
    keyed = "Set(DYNAMIC_FEATURES=recording-record#recording-card)"
    assert keyed in files(recording)["extensions.conf"]
    for key, code in tap_dialplan.KEYS.items():
        assert f"recording-{key} => {code},self," in files(recording)["features.conf"]
    assert not set(tap_dialplan.KEYS.values()) & set(desk_dialplan.FEATURE_CODES.values())


@pytest.mark.parametrize("limit", ["maxcalls", "maxload", "minmemfree"])
def test_no_limit_can_stand_before_an_emergency_call(limit: str) -> None:
    assert limit not in files()["asterisk.conf"]


def test_a_stranger_is_neither_a_trunk_by_name_nor_a_phone_by_address() -> None:
    for block in files()["pjsip.conf"].split("\n["):
        if "type=endpoint" in block:
            by_address = "context=from-telco" in block
            assert ("identify_by=ip" in block) == by_address
            assert ("identify_by=username" in block) != by_address
            assert by_address or "\nauth=" in block


def test_the_dialplan_reads_no_text_of_a_caller() -> None:
    dialplan = files()["extensions.conf"]
    assert "${CALLERID" not in dialplan
    keys_alone = re.compile(r"\$\{FILTER\([+*#0-9-]+,\$\{EXTEN\}\)\}")
    assert "${EXTEN}" not in keys_alone.sub("", dialplan)
    for unsafe in ("System(", "SHELL(", "FILE(", "EVAL(", "CURL("):
        assert unsafe not in dialplan


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_that_could_be_read_as_configuration_is_refused(text: str) -> None:
    phone = replace(PLAN.phones["101"], name=text)
    with pytest.raises(UnwritableError):
        files(replace(PLAN, phones={**PLAN.phones, "101": phone}))
    location = replace(PLAN.phones["101"], location=text)
    with pytest.raises(UnwritableError):
        files(replace(PLAN, phones={**PLAN.phones, "101": location}))


def test_where_a_telephone_stands_goes_to_the_emergency_centre_alone() -> None:
    address = Address("US", "NY", "Ithaca", "Maple Street", "12", "14850")
    made = files(replace(PLAN, address=address))
    assert 'location_info=RD="Maple Street"' in made["geolocation.conf"]
    assert "A2=" not in made["geolocation.conf"]
    contexts = made["extensions.conf"].split("\n[")
    assert [each.partition("]")[0] for each in contexts if "GEOLOC_PROFILE" in each] == [
        "emergency-call"
    ]
    assert "geoloc_incoming" not in made["pjsip.conf"]
    plain = files()
    assert plain["geolocation.conf"] == ""
    assert "GEOLOC" not in plain["extensions.conf"]
    assert "geoloc" not in plain["pjsip.conf"]
    with pytest.raises(UnwritableError):
        files(replace(PLAN, address=replace(address, street='Maple", A1="XX')))


def test_a_secure_telephone_is_talked_to_by_tls_and_srtp_alone() -> None:
    assert "protocol=tls" not in files()["pjsip.conf"]
    secure = replace(PLAN.phones["103"], secure=True)
    made = files(replace(PLAN, phones={**PLAN.phones, "103": secure}))["pjsip.conf"]
    assert "protocol=tls\nbind=127.0.0.1:5061\n" in made
    assert "method=tlsv1_2" in made
    for block in made.split("\n["):
        if "type=endpoint" in block:
            is_it = block.startswith("103]")
            assert ("transport=tls" in block) == is_it
            assert ("media_encryption=sdes" in block) == is_it
            assert ("transport=udp" in block) != is_it


def test_asterisk_speaks_http_only_while_a_telephone_is_in_the_browser() -> None:
    browser = replace(PLAN.phones["103"], browser=True)
    made = files(replace(PLAN, phones={**PLAN.phones, "103": browser}))
    assert "bindaddr=127.0.0.1" in made["http.conf"]
    assert "enablestatic=no" in made["http.conf"]
    assert "enable_status=no" in made["http.conf"]
    assert "load=res_pjsip_transport_websocket" in made["modules.conf"]
    assert "ari" not in made["modules.conf"]
    assert "webenabled" not in made["manager.conf"]
    assert "stun" not in made["rtp.conf"]
    assert "icesupport=yes" in made["rtp.conf"]
    assert "icesupport=no" in files()["rtp.conf"]
    for block in made["pjsip.conf"].split("\n["):
        if "type=endpoint" in block and block.startswith("103]"):
            # It has no password to guess, so no other machine may be it.
            assert "\nauth=" not in block
            assert "deny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\n" in block
            assert "webrtc=yes" in block
        else:
            assert "webrtc" not in block
    assert SECRETS.phones["103"] not in "".join(
        block for block in made["pjsip.conf"].split("\n[") if block.startswith("103]")
    )


def test_an_emergency_call_never_tries_a_trunk_that_cannot_take_it() -> None:
    (telco,) = PLAN.trunks.values()
    faxes = replace(telco, name="faxes", host="127.0.0.9", emergency=False)
    made = files(replace(PLAN, trunks={"faxes": faxes, telco.name: telco}))["extensions.conf"]
    steps = made.split("[emergency-call]")[1].split("\n[")[0]
    assert "trunk-telco" in steps
    assert "trunk-faxes" not in steps


def faxing(*, secure: bool = False) -> Plan:
    """The template's plan with a fax machine at 103 and a line that leads to it."""
    machine = replace(PLAN.phones["103"], fax=True, secure=secure)
    (voice,) = PLAN.lines.values()
    line = replace(voice, name="fax", numbers=("2025550188",), flow="", phone="103")
    lines = {"fax": line, **PLAN.lines}
    return replace(PLAN, phones={**PLAN.phones, "103": machine}, lines=lines)


def test_a_fax_goes_from_the_trunk_to_its_adapter_and_never_to_our_programs() -> None:
    made = files(faxing())
    steps = re.findall(r"(?m)^exten => 2025550188,.*(?:\n.*same => .*)*", made["extensions.conf"])
    assert len(steps) == 1
    assert "Dial(PJSIP/103," in steps[0]
    assert "Goto(" not in steps[0]
    assert "AudioSocket" not in steps[0]
    # A number that nobody expected is a caller's, though the fax's line stands first.
    unknown = made["extensions.conf"].split("exten => _[+*#0-9]!,", 1)[1].split("exten =>")[0]
    assert "Goto(entrance,s,1)" in unknown
    assert "PJSIP/103" not in made["extensions.conf"].split("[failsafe]")[1].split("\n[")[0]


def test_t38_is_spoken_only_where_a_fax_machine_is_and_never_past_srtp() -> None:
    for plan, speaks in ((PLAN, False), (faxing(), True), (faxing(secure=True), False)):
        made = files(plan)
        assert ("load=res_pjsip_t38" in made["modules.conf"]) == speaks
        for block in made["pjsip.conf"].split("\n["):
            ours = block.startswith(("103]", "trunk-")) and "type=endpoint" in block
            assert ("t38_udptl=yes" in block) == (speaks and ours)
    assert "udptlstart=10000\nudptlend=10999" in files()["udptl.conf"]


def test_a_password_may_hold_the_sign_of_a_comment() -> None:
    assert written.value("a;b#c") == r"a\;b#c"
    for unsafe in ("a\nb", " a", "a\\", "é"):
        with pytest.raises(UnwritableError):
            written.value(unsafe)


def test_what_a_talk_may_still_need_stays_until_the_dialplan_is_loaded() -> None:
    old = "[101]\ntype=aor\nmax_contacts=1\n\n[106]\ntype=aor\n\n[106]\ntype=auth\n"
    new = "[101]\ntype=aor\nmax_contacts=2\n"
    both = united(old, new)
    assert both.count("[101]") == 1
    assert "max_contacts=2" in both
    assert "[106]\ntype=aor" in both
    assert "[106]\ntype=auth" in both


def test_a_new_port_waits_for_a_restart_and_a_new_phone_does_not(tmp_path: Path) -> None:
    ports = replace(PORTS, sip=5070)
    fewer = replace(PLAN, phones={"101": PLAN.phones["101"]}, front_desk=("101",))
    versions = {
        "now": files(),
        "moved": config.generate(PLAN, SECRETS, ports, PATHS),
        "fewer": files(fewer),
    }
    for name, made in versions.items():
        (tmp_path / name).mkdir()
        for file, text in made.items():
            (tmp_path / name / file).write_text(text)
    assert needs_restart(tmp_path / "now", tmp_path / "moved")
    assert not needs_restart(tmp_path / "now", tmp_path / "fewer")


def test_secrets_are_random_kept_and_read_by_their_owner_alone(tmp_path: Path) -> None:
    first = secrets_of(tmp_path / "a.toml", PLAN)
    assert secrets_of(tmp_path / "a.toml", PLAN) == first
    assert (tmp_path / "a.toml").stat().st_mode & 0o777 == 0o600
    other = secrets_of(tmp_path / "b.toml", PLAN)
    drawn = [first.ami, first.selftest, *first.phones.values(), other.ami, *other.phones.values()]
    assert len(set(drawn)) == len(drawn)
    assert all(len(each) == 48 for each in drawn)
    assert first.ami not in repr(first)


def test_a_new_phone_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    fewer = replace(PLAN, phones={"101": PLAN.phones["101"]})
    before = secrets_of(tmp_path / "s.toml", fewer)
    after = secrets_of(tmp_path / "s.toml", PLAN)
    assert after.phones["101"] == before.phones["101"]
    assert after.ami == before.ami
    assert set(after.phones) == set(PLAN.phones)

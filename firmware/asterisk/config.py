"""Asterisk's configuration, whole, as text: a plan, its secrets and its ports in, files out. Pure.

Modules are loaded by name and no other way. AMI listens on loopback with the fewest rights; there
is no HTTP but for telephones in the browser (`in_browser`), no ARI, no call record, and a log of
errors alone, for every other line may name a caller. Trunks are known by their address only and
phones by their password only, so a stranger is neither. The dialplan has a file of its own,
`dialplan`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware import cards, settings
from firmware.asterisk import (
    dahdi,
    desk_dialplan,
    dialplan,
    endpoints,
    fax,
    in_browser,
    number_formats,
    tap_dialplan,
    trunks,
    whereabouts,
    written,
)
from firmware.asterisk.dialplan import SELFTEST
from firmware.asterisk.strangers import GUARD_USER, SECURITY
from firmware.site_secrets import Secrets
from ivr.plan import Phone, Plan, Transport

AMI_USER = dialplan.EXCHANGE_USER
# A phone that does not answer at all is known to be gone after this; the notice comes by AMI.
QUALIFY_S = 30
# A trunk without an answer of any kind is given up after 64 × T1 (RFC 3261, timer B): an emergency
# call must not wait 32 s for a dead line. T1 is Asterisk's least.
SIP_T1_MS = 100

# Not bridge_native_rtp: it forwards the other side's packets as they are, with their own sequence
# numbers, and a telephone company that runs Asterisk then drops every second talk's audio for good
# (seen with 22.10.1: each time the new numbers lay behind the old, modulo 65,536).
# res_pjsip_exten_state, which tells lamps, does not load without res_pjsip_outbound_publish; that
# publishes nothing, for no section asks it to.
MODULES = """
res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_statsd res_geolocation
res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_endpoint_identifier_ip
res_pjsip_endpoint_identifier_user res_pjsip_authenticator_digest
res_pjsip_outbound_authenticator_digest res_pjsip_outbound_registration res_pjsip_registrar
res_pjsip_pubsub res_pjsip_mwi res_pjsip_mwi_body_generator res_pjsip_pidf_body_generator
res_pjsip_outbound_publish res_pjsip_exten_state res_pjsip_dialog_info_body_generator
res_pjsip_dtmf_info res_pjsip_refer res_pjsip_rfc3326 res_pjsip_header_funcs res_pjsip_nat
res_pjsip_acl res_pjsip_geolocation res_srtp res_crypto res_rtp_asterisk res_timing_timerfd
res_audiosocket res_musiconhold chan_pjsip chan_audiosocket app_audiosocket app_dial app_exec
app_userevent app_verbose app_stack app_softhangup app_originate app_playback app_while app_minivm
res_parking app_directed_pickup app_confbridge app_page app_chanspy
res_manager_devicestate bridge_simple bridge_softmix bridge_holding bridge_builtin_features
codec_ulaw
codec_alaw codec_a_mu codec_g722 codec_resample format_wav format_pcm func_callerid func_channel
func_db func_dialplan func_global func_groupcount func_hangupcause func_lock func_logic
func_strings func_timeout func_uuid func_devstate func_pjsip_endpoint func_pjsip_contact
func_pjsip_aor pbx_config
"""

# Modules that complain when these are absent.
EMPTY = (
    "acl.conf", "ccss.conf", "confbridge.conf", "cel.conf", "minivm.conf",
    "pjproject.conf", "statsd.conf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one instance listens: SIP and RTP at `sip_address`, AMI and the engine on loopback."""

    sip: int
    ami: int
    engine: int
    rtp_first: int
    rtp_last: int
    sip_address: str = "127.0.0.1"
    modems: int = 0  # where Asterisk finds the legs of modems, with the exchange
    sip_tls: int = 5061  # SIP by TLS, where anybody needs it
    http: int = 8088  # on loopback, where a telephone is in the browser


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things lie, as Asterisk sees them."""

    configuration: Path
    state: Path  # db, log, run, spool
    prompts: Path
    modules: Path
    certificate: Path  # what telephones are shown, and its key
    authorities: Path  # who may vouch for the server of a trunk


STATE_FOLDERS = ("db", "log", "run", "spool", "var/keys")


def generate(
    plan: Plan,
    secrets: Secrets,
    ports: Ports,
    paths: Paths,
    *,
    timing: dialplan.Timing = dialplan.Timing(),  # noqa: B008 - frozen
) -> dict[str, str]:
    """Every file of the directory, by name."""
    files = {
        "asterisk.conf": _asterisk(paths),
        "modules.conf": _modules(plan),
        "logger.conf": _logger(),
        "cdr.conf": written.section("general", ["enable=no"]),
        "manager.conf": _manager(secrets, ports),
        "rtp.conf": _rtp(plan, ports),
        "udptl.conf": fax.ports(ports.rtp_first, ports.rtp_last),
        "features.conf": _features(plan, voice(plan, paths.prompts)),
        "res_parking.conf": _parking(plan),
        "musiconhold.conf": _music(plan, paths.prompts),
        "pjsip.conf": _pjsip(plan, secrets, ports, paths),
        "geolocation.conf": whereabouts.locations(plan),
        "extensions.conf": dialplan.extensions(
            plan, ports.engine, voice(plan, paths.prompts), timing, ports.modems
        ),
    }
    if cards.is_there_one(plan):
        files["chan_dahdi.conf"] = dahdi.channels(plan)
        files[dahdi.SYSTEM] = dahdi.system(plan)
    if in_browser.is_there_one(plan):
        files["http.conf"] = in_browser.http(ports.http)
    return files | dict.fromkeys(EMPTY, "")


def voice(plan: Plan, prompts: Path) -> dialplan.Voice:
    """Which file speaks a prompt in a language: the site's own, or English where it has none."""
    texts = settings.prompts_of(plan)

    def spoken(prompt: str, language: str) -> str:
        words: Mapping[str, str] = texts.get(language, {})
        return str(prompts / (written.name(language) if prompt in words else "en") / prompt)

    return spoken


def _asterisk(paths: Paths) -> str:
    state = {f"ast{kind}dir": paths.state / kind for kind in ("db", "run", "spool", "log")}
    directories: dict[str, Path] = {
        "astetcdir": paths.configuration,
        "astmoddir": paths.modules,
        "astvarlibdir": paths.state / "var",
        "astkeydir": paths.state / "var",
        "astdatadir": Path("/usr/share/asterisk"),
        **state,
    }
    return written.section(
        "directories", [f"{name} => {path}" for name, path in directories.items()]
    ) + written.section(
        "options",
        ["live_dangerously = no", "hideconnect = yes", "nocolor = yes", "defaultlanguage = en"],
    )


def _modules(plan: Plan) -> str:
    browser = in_browser.MODULES if in_browser.is_there_one(plan) else ""
    faxes = fax.MODULES if fax.is_there_one(plan) else ""
    card = dahdi.MODULES if cards.is_there_one(plan) else ""
    named = (*MODULES.split(), *browser.split(), *faxes.split(), *card.split())
    loaded = [f"load={module}" for module in named]
    return written.section("modules", ["autoload=no", *loaded])


def _logger() -> str:
    errors_only = ["errors => error"]
    return written.section("general", ["queue_log = no"]) + written.section("logfiles", errors_only)


def _manager(secrets: Secrets, ports: Ports) -> str:
    general = ["enabled=yes", "bindaddr=127.0.0.1", f"port={ports.ami}", "displayconnects=no"]
    user = [
        f"secret={written.value(secrets.ami)}",
        "deny=0.0.0.0/0.0.0.0",
        "permit=127.0.0.1/255.255.255.255",
        "read=call,dtmf,user,reporting",
        "write=call,originate,reporting",
        # An exchange that stopped reading is dropped rather than waited for.
        "writetimeout=1000",
    ]
    # Strangers' knocks come by a session that may read them and do nothing.
    guard = [*user[:3], f"read={SECURITY}", "write=", user[-1]]
    return (
        written.section("general", general)
        + written.section(AMI_USER, user)
        + written.section(GUARD_USER, guard)
    )


def _rtp(plan: Plan, ports: Ports) -> str:
    return written.section(
        "general",
        [
            f"rtpstart={ports.rtp_first}",
            f"rtpend={ports.rtp_last}",
            "strictrtp=yes",
            f"icesupport={'yes' if in_browser.is_there_one(plan) else 'no'}",
        ],
    )


def _features(plan: Plan, spoken: dialplan.Voice) -> str:
    """Codes keyed in a talk, for telephones that have no button for it."""

    def say(prompt: str) -> str:
        return spoken(prompt, plan.language)

    general = [
        "transferdigittimeout=5",
        "featuredigittimeout=1500",  # ms from one key of a code to the next
        f"transferannouncesound={say('transfer-to')}",
        f"transferinvalidsound={say('transfer-failed')}",
        f"xferfailsound={say('transfer-failed')}",
        "xfersound=",
        # Who is asked and does not answer is given up soon; the caller is back with who asked.
        "atxfernoanswertimeout=20",
        "atxferdropcall=no",
        "atxferloopdelay=1",
        "atxfercallbackretries=2",
    ]
    codes = [f"{feature} => {code}" for feature, code in desk_dialplan.FEATURE_CODES.items()]
    return (
        written.section("general", general)
        + written.section("featuremap", codes)
        + written.section("applicationmap", tap_dialplan.keys())
    )


def _parking(plan: Plan) -> str:
    """Callers parked hear music; nobody stays there longer than `PARKED_S`."""
    return written.section("general", []) + written.section(
        "default",
        [
            f"context={desk_dialplan.PARKED}",
            f"parkext={plan.parking.number}",
            f"parkpos={plan.parking.first}-{plan.parking.last}",
            "findslot=first",
            f"parkingtime={plan.parking.longest_s}",
            "comebacktoorigin=no",
            f"comebackcontext={desk_dialplan.PARKED_BACK}",
            "parkedmusicclass=default",
            "parkedplay=caller",
            # Whoever takes the caller back may pass it on again.
            "parkedcalltransfers=both",
            "parkedcallreparking=both",
        ],
    )


def _music(plan: Plan, prompts: Path) -> str:
    """Music on hold, and the sentences spoken while phones are already ringing."""
    spoken = voice(plan, prompts)
    music = f"entry={prompts / 'music'}"
    sections = [written.section("default", ["mode=playlist", music])]
    for language in dialplan.languages(plan):
        for prompt in (dialplan.FAILSAFE_WAIT, dialplan.EMERGENCY_TRYING):
            entries = ["mode=playlist", f"entry={spoken(prompt, language)}", music]
            sections.append(written.section(dialplan.music_class(prompt, language), entries))
    return "\n".join(sections)


# ---- PJSIP ----


def speaks_tls(plan: Plan) -> bool:
    """Whether anybody of this site signals by TLS."""
    phones = (phone.secure for phone in plan.phones.values())
    return any(phones) or any(it.transport is Transport.TLS for it in plan.trunks.values())


def _pjsip(plan: Plan, secrets: Secrets, ports: Ports, paths: Paths) -> str:
    sections = [*_sip_itself(plan, ports), *_selftest(secrets, ports)]
    if speaks_tls(plan):
        sections.append(_tls(ports, paths))
    if any(trunk.transport is Transport.TCP for trunk in plan.trunks.values()):
        tcp = ["type=transport", "protocol=tcp", f"bind={ports.sip_address}:{ports.sip}"]
        sections.append(written.section("tcp", tcp))
    for trunk in (each for each in plan.trunks.values() if each.card is None):
        sections += trunks.objects(plan, trunk, secrets.trunks.get(trunk.name, ""))
    for phone in plan.phones.values():
        sections += _phone(plan, phone, secrets.phones[phone.extension])
    return "\n".join(sections)


def _sip_itself(plan: Plan, ports: Ports) -> Iterator[str]:
    order = in_browser.IDENTIFIER_ORDER if in_browser.is_there_one(plan) else "ip,username"
    yield written.section(
        "global",
        [
            "type=global",
            "user_agent=CareLine",
            # The address first: a trunk's caller whose number is an extension is still the trunk's.
            f"endpoint_identifier_order={order}",
            # What a phone shows of a caller without a number; the default names our software.
            "default_from_user=unknown",
        ],
    )
    yield written.section(
        "system", ["type=system", f"timer_t1={SIP_T1_MS}", f"timer_b={64 * SIP_T1_MS}"]
    )
    yield written.section(
        "udp", ["type=transport", "protocol=udp", f"bind={ports.sip_address}:{ports.sip}"]
    )


def _tls(ports: Ports, paths: Paths) -> str:
    """TLS 1.2, and with our certificate only with forward secrecy (RFC 9325): told a least version,
    Asterisk offers that one alone. A telephone shows no certificate: it has its password. A trunk's
    server must show one for its name by which an authority vouches that we trust."""
    return written.section(
        "tls",
        [
            "type=transport",
            "protocol=tls",
            f"bind={ports.sip_address}:{ports.sip_tls}",
            f"cert_file={paths.certificate}",
            f"priv_key_file={paths.certificate}",
            f"ca_list_file={paths.authorities}",
            "verify_server=yes",
            "method=tlsv1_2",
        ],
    )


# The keys of a talk stand in its SDP (RFC 4568), so they go by TLS alone; without, it is refused.
_SECURED = (
    *("transport=tls" if each == "transport=udp" else each for each in endpoints.ENDPOINT),
    "media_encryption=sdes", "media_encryption_optimistic=no",
)  # fmt: skip


def _phone(plan: Plan, phone: Phone, password: str) -> Iterator[str]:
    extension = written.number(phone.extension)
    lamps = [
        f"{written.name(box.name)}@{dialplan.MAILBOXES}"
        for box in plan.mailboxes.values()
        if phone.extension in box.lamps
    ]
    yield written.section(
        extension,
        [
            *_spoken_to(phone),
            "context=from-phone",
            f"aors={extension}",
            f'callerid="{written.label(phone.name)}" <{extension}>',
            "send_pai=yes",
            "trust_id_outbound=yes",
            f"set_var=EXTENSION={extension}",
            *(f"set_var={each}" for each in number_formats.callbacks(plan, phone.callback)),
            # Where a number keyed for a transfer is looked up, whatever context a leg is in.
            "set_var=TRANSFER_CONTEXT=from-phone",
            # And one by which a telephone forwards its calls: a machine never calls 911.
            f"set_var=FORWARD_CONTEXT={desk_dialplan.ONWARD}",
            "named_call_group=clinic",
            "named_pickup_group=clinic",
            *([f"mailboxes={','.join(lamps)}"] if lamps else []),
        ],
    )
    if phone.browser:
        yield from in_browser.identified(phone, password)
    else:
        yield endpoints.auth(extension, extension, password)
    yield written.section(
        extension,
        ["type=aor", "max_contacts=1", "remove_existing=yes", f"qualify_frequency={QUALIFY_S}"],
    )


def _spoken_to(phone: Phone) -> list[str]:
    if phone.browser:
        return in_browser.endpoint(endpoints.ENDPOINT)
    known = ["identify_by=username", f"auth={written.number(phone.extension)}"]
    t38 = fax.T38 if fax.speaks_t38(phone) else ()
    return [*(_SECURED if phone.secure else endpoints.ENDPOINT), *known, *t38]


def _selftest(secrets: Secrets, ports: Ports) -> Iterator[str]:
    """A line from this Asterisk to itself, which alone sets SELFTEST."""
    yield written.section(
        SELFTEST,
        [
            *endpoints.ENDPOINT,
            "identify_by=username",
            f"context={SELFTEST}",
            f"auth={SELFTEST}",
            f"outbound_auth={SELFTEST}",
            f"aors={SELFTEST}",
            f"from_user={SELFTEST}",
            f"set_var=EXTENSION={SELFTEST}",
            "set_var=__SELFTEST=1",
        ],
    )
    yield endpoints.auth(SELFTEST, SELFTEST, secrets.selftest)
    address = "127.0.0.1" if ports.sip_address == "0.0.0.0" else ports.sip_address  # noqa: S104
    yield written.section(SELFTEST, ["type=aor", f"contact=sip:{address}:{ports.sip}"])

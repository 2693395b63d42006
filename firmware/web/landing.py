"""What a browser finds at port 80: one static page that says what this is and how to trust it, the
authority's certificate in the form that each system opens, and nothing else.

No cookie, no form, no script, and no secret: whoever listens on the wire learns what stands on the
box's label. Every other address leads to the same one under HTTPS, without its query, and only by a
name or an address that is the box's own.
"""

import base64
import hashlib
import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from ipaddress import ip_address

from starlette.types import Receive, Scope, Send

from firmware.web.addresses import OWN_NAME, Names
from firmware.web.authority import Authority, Identity, names_in
from firmware.web.landing_words import ENGLISH, LANGUAGES, SPANISH, Steps, Words

FILE = "/careline"
HTTPS_PORT = 443
STYLE = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:42rem;margin:0 auto;padding:1rem;"
    "color:#1a1a1a;background:#fff}"
    "h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem}a{color:#0b57a4}"
    "a.go{display:inline-block;padding:.8rem 1.4rem;border-radius:.4rem;background:#0b57a4;"
    "color:#fff;text-decoration:none;font-weight:600}"
    "a:focus-visible,summary:focus-visible{outline:3px solid #d9480f;outline-offset:2px}"
    "pre{background:#f1f3f5;padding:.8rem;white-space:pre-wrap;font-size:1rem}"
    "summary{padding:.6rem 0;font-weight:600;cursor:pointer}nav{text-align:right}"
)
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What matters of a request."""

    method: str
    path: bytes  # as it came, without its query
    host: str
    languages: str
    met_at: str  # the box's own address that the request came to


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: int
    kind: str
    body: bytes
    more: tuple[tuple[str, str], ...] = ()


class Landing:
    """The application at port 80."""

    def __init__(self, identity: Identity, https_port: int) -> None:
        self._identity, self._https_port = identity, https_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        given = answer(
            asked_of(scope),
            self._identity.authority,
            names_in(self._identity.shown),
            self._https_port,
        )
        await send({"type": "http.response.start", "status": given.status, "headers": _head(given)})
        await send({"type": "http.response.body", "body": given.body})


def answer(asked: Asked, authority: Authority, names: Names, https_port: int) -> Answer:
    """What port 80 says to this."""
    if asked.method not in ("GET", "HEAD"):
        allow = (("allow", "GET, HEAD"),)
        return Answer(405, "text/plain; charset=utf-8", b"Only GET and HEAD.\n", allow)
    origin = f"https://{page_at(asked, names, https_port)}"
    match asked.path:
        case b"/":
            return _page(preferred(asked.languages), authority, origin)
        case b"/en":
            return _page(ENGLISH, authority, origin)
        case b"/es":
            return _page(SPANISH, authority, origin)
        case b"/careline.crt":
            return _download("application/x-x509-ca-cert", "crt", authority.pem)
        case b"/careline.cer":
            return _download("application/pkix-cert", "cer", authority.der)
        case b"/careline.mobileconfig":
            return _download("application/x-apple-aspen-config", "mobileconfig", profile(authority))
        case _:
            return Answer(307, "text/plain", b"", (("location", origin + _path(asked.path)),))


def asked_of(scope: Scope) -> Asked:
    """A request, as uvicorn tells of it."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    server = scope["server"]
    return Asked(
        method=scope["method"],
        path=scope["raw_path"],
        host=headers.get(b"host", ""),
        languages=headers.get(b"accept-language", ""),
        met_at=server[0] if server else "",
    )


def page_at(asked: Asked, names: Names, port: int) -> str:
    """Where the page is for this visitor: by the name they asked for if it is ours, else by the
    address at which they met us. Nobody is sent to where a stranger's `Host` says."""
    told = _without_port(asked.host.strip().lower())
    host = told if _is_ours(told, names) else asked.met_at.partition("%")[0].removeprefix("::ffff:")
    if not _is_ours(host, names):
        host = OWN_NAME
    shown = f"[{host}]" if ":" in host else host
    return shown if port == HTTPS_PORT else f"{shown}:{port}"


def preferred(languages: str) -> Words:
    """By `Accept-Language` (RFC 9110, 12.5.4): the first of ours that weighs most."""
    weighed: list[tuple[float, Words]] = []
    for part in languages.split(","):
        tag, _, weight = part.strip().partition(";")
        words = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        if words is not None:
            weighed.append((_weight(weight), words))
    best = max(weighed, key=lambda one: one[0], default=(0.0, ENGLISH))
    return best[1] if best[0] > 0 else ENGLISH


def profile(authority: Authority) -> bytes:
    """What an iPhone installs: a profile with this one certificate in it. The same authority gives
    the same profile, so that a second one takes the place of the first."""

    def drawn(of: str) -> str:
        digest = "".join(authority.fingerprint)
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{of} {digest}")).upper()

    root = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"careline.box.{drawn('root')}",
        "PayloadUUID": drawn("root"),
        "PayloadDisplayName": authority.name,
        "PayloadCertificateFileName": "careline.cer",
        "PayloadContent": authority.der,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"careline.box.{drawn('profile')}",
            "PayloadUUID": drawn("profile"),
            "PayloadDisplayName": authority.name,
            "PayloadContent": [root],
        }
    )


def _page(words: Words, authority: Authority, origin: str) -> Answer:
    there = (SPANISH if words is ENGLISH else ENGLISH).language
    body = f"""\
<!doctype html>
<html lang="{words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(words.title)} · CareLine</title>
<style>{STYLE}</style>
</head>
<body>
<nav><a href="/{there}" lang="{there}" hreflang="{there}">{words.other}</a></nav>
<main>
<h1>{escape(words.title)}</h1>
<p>{escape(words.what)}</p>
<p><a class="go" href="{escape(origin)}/">{escape(words.go_on)}</a></p>
<p>{escape(words.warning)}</p>
<h2>{escape(words.trust)}</h2>
<p>{escape(words.why)}</p>
<p>{escape(words.fingerprint)}:</p>
{_print(authority.fingerprint)}
<p><strong>{escape(words.compare)}</strong></p>
<p>{escape(words.thumbprint)}:</p>
{_print(authority.thumbprint)}
<p>{escape(words.called)} <strong>{escape(authority.name)}</strong>.</p>
{_systems(words)}
</main>
</body>
</html>
"""
    more = (("content-security-policy", POLICY), ("content-language", words.language))
    return Answer(200, "text/html; charset=utf-8", body.encode(), more)


def _print(lines: Sequence[str]) -> str:
    return f"<pre>{'<br>'.join(lines)}</pre>"


def _systems(words: Words) -> str:
    return "\n".join(_system(words, system) for system in words.systems)


def _system(words: Words, system: Steps) -> str:
    steps = "".join(f"<li>{escape(step)}</li>" for step in system.steps)
    file = f"{FILE}{system.file}"  # no `download`: Firefox and iPhones open it by its type
    return (
        f"<details><summary>{escape(system.system)}</summary>"
        f'<p><a href="{file}">{escape(words.download)} ({file[1:]})</a></p>'
        f"<ol>{steps}</ol></details>"
    )


def _download(kind: str, ending: str, content: bytes) -> Answer:
    return Answer(
        200, kind, content, (("content-disposition", f"inline; filename=careline.{ending}"),)
    )


def _head(given: Answer) -> list[tuple[bytes, bytes]]:
    head = (
        ("content-type", given.kind),
        ("content-length", str(len(given.body))),
        ("cache-control", "no-store"),  # another box may have this address tomorrow
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        *given.more,
    )
    return [(name.encode(), value.encode("latin-1")) for name, value in head]


def _path(path: bytes) -> str:
    """Of a request's target: h11 lets only visible ASCII pass. A target that is no path, as a
    proxy's would be, leads to the beginning."""
    return path.decode("latin-1") if path.startswith(b"/") and path.isascii() else "/"


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _is_ours(host: str, names: Names) -> bool:
    if host in names.dns:
        return True
    try:
        return ip_address(host) in names.addresses
    except ValueError:
        return False


def _weight(text: str) -> float:
    """Of `q=0.8`; what is not written so counts nothing."""
    if not text:
        return 1.0
    name, _, value = text.strip().partition("=")
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


async def _live(receive: Receive, send: Send) -> None:
    """Nothing has to be begun or ended."""
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})

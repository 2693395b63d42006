"""The policy that every answer carries: nothing runs, is drawn or is asked that is not a file of
ours. A browser that had to refuse something says so here, and it is counted and logged; there
should be none.
"""

import threading

import structlog
from fastapi import APIRouter, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

router = APIRouter()
log = structlog.get_logger(__name__)

REPORT_MOST = 8 * 1024  # bytes
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        # A message that was opened is played from the page's own memory (data:): no browser keeps
        # that on a disk, as it may what has an address.
        "media-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "report-uri /policy",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Less, and a browser says of our own forms that it does not know where they come from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}
# No HSTS: with the box's own authority it would lock people out who have not trusted it yet.


class Reports:
    """How often a browser has refused something of ours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def one_more(self) -> None:
        with self._lock:
            self.count += 1


@router.post("/policy")
async def report(request: Request) -> Response:
    """What a browser reports is a stranger's words: it is counted, and not repeated."""
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > REPORT_MOST:
            break
    request.app.state.reports.one_more()
    log.warning("a browser refused something by the page's policy")
    return Response(status_code=204)


class WithPolicy:
    """Every answer has these headers, and is kept by no browser unless it says so itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)

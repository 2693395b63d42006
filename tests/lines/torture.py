"""The torture test messages of RFC 4475, each written anew from what its section says, and what our
exchange is to do with it. None is a copy of the RFC's own: names, numbers and headers are ours.

An answer is a status code; `None`: there is none, for what came is no request, or not one that can
be answered. Where the RFC would have it otherwise, `why` says why that is well with us.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {me}\r\ns=-\r\nc=IN IP4 {me}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)
BOUNDARY = "a-boundary-of-ours"


@dataclass(frozen=True, slots=True)
class Torture:
    """One of them. `name` is the RFC's own short one, by which its answer is known, too."""

    section: str
    name: str
    message: bytes
    answers: tuple[int | None, ...]  # one of these
    why: str = ""


STRANGER = (401,)  # as any stranger's request that can be read: who are you?
BAD = (400,)
SILENCE = (None,)


class Writer:
    """Writes them for one who listens at `me`, "address:port", to the exchange at `host`."""

    def __init__(self, host: str, me: str) -> None:
        self._host, self._me = host, me

    def plain(
        self,
        name: str,
        method: str = "OPTIONS",
        *,
        uri: str = "",
        via: str = "",
        start: str = "",
        sender: str = "",
        to: str = "",
        contact: str = "",
        cseq: str = "",
        forwards: str = "70",
        more: tuple[str, ...] = (),
        body: str = "",
        length: str = "",
    ) -> bytes:
        """A request with nothing odd, but for what is given."""
        uri = uri or (f"sip:{self._host}" if method == "REGISTER" else f"sip:101@{self._host}")
        lines = (
            start or f"{method} {uri} SIP/2.0",
            via or f"Via: SIP/2.0/UDP {self._me};branch=z9hG4bK-{name};rport",
            f"Max-Forwards: {forwards}",
            sender or f"From: <sip:caller@{self._host}>;tag={name}",
            to or f"To: <sip:101@{self._host}>",
            f"Call-ID: {name}@torture",
            cseq or f"CSeq: 4475 {method}",
            contact or f"Contact: <sip:caller@{self._me}>",
            *more,
            length or f"Content-Length: {len(body)}",
        )
        return ("\r\n".join((*lines, "", "")) + body).encode("latin-1")

    def invite(self, name: str, *more: str, body: str = "", kind: str = "application/sdp") -> bytes:
        """The same that asks for a talk."""
        body = body or SDP.format(me=self._me.partition(":")[0])
        return self.plain(name, "INVITE", more=(f"Content-Type: {kind}", *more), body=body)

    def response(self, name: str, status: str, cseq: str = "4475 OPTIONS", via: str = "") -> bytes:
        """An answer to nobody's question."""
        via = via or f"Via: SIP/2.0/UDP {self._host};branch=z9hG4bK-{name}"
        who = f"<sip:101@{self._host}>"
        lines = (
            f"SIP/2.0 {status}", via, f"From: {who};tag={name}", f"To: {who};tag=b",
            f"Call-ID: {name}@torture", f"CSeq: {cseq}", "Content-Length: 0",
        )  # fmt: skip
        return "\r\n".join((*lines, "", "")).encode("utf-8")


def valid(w: Writer, host: str, me: str) -> Iterator[Torture]:
    """3.1.1: odd, and right."""
    folded = (
        f"INVITE sip:101@{host};unknownparam SIP/2.0\r\nTO :\r\n sip:101@{host} ;   tag    = 19\r\n"
        f'from   : "J \\"\\\\ R"       <sip:caller@{host}>\r\n  ;\r\n  tag = wsinv\r\n'
        f"MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv@torture\r\nContent-Length   : 0\r\ncseq: 0009\r\n"
        f"  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    {me};rport;branch=z9hG4bK-wsinv\r\n"
        f"s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
        f'm:"Quoted string \\"\\"" <sip:caller@{me}> ; newparam =\r\n      newvalue ;\r\n'
        "   secondparam ; q = 0.33\r\n\r\n"
    )
    yield Torture("3.1.1.1", "wsinv", folded.encode(), (481,))  # its tag is of no call of ours
    odd = "!interesting-Method0123456789_*+`.%indeed'~"
    yield Torture("3.1.1.2", "intmeth", w.plain("intmeth", odd), (401, 405, 501))
    escaped = w.plain("esc01", uri=f"sip:sips%3Auser%40example.com@{host}")
    yield Torture("3.1.1.3", "esc01", escaped, STRANGER)
    null = w.plain("escnull", "REGISTER", to=f"To: <sip:null-%00-null@{host}>")
    yield Torture("3.1.1.4", "escnull", null, STRANGER)
    yield Torture("3.1.1.5", "esc02", w.plain("esc02", "RE%47IST%45R"), (401, 405, 501))
    tight = w.plain("lwsdisp", sender=f"From: caller<sip:caller@{host}>;tag=lwsdisp")
    yield Torture("3.1.1.6", "lwsdisp", tight, STRANGER)
    long = w.plain("longreq", more=(f"X-Long: {'long value ' * 90}",), to=f"To: {'I' * 300} <sip:"
                   f"{'amazinglylong' * 15}@{host}>")  # fmt: skip
    yield Torture("3.1.1.7", "longreq", long, (401, 413), "longer names than ours are refused")
    twice = w.plain("dblreq") + w.plain("second").replace(b"OPTIONS", b"INVITE")
    yield Torture("3.1.1.8", "dblreq", twice, STRANGER)
    user = w.plain("semiuri", uri=f"sip:user;par=u%40example.net@{host}")
    yield Torture("3.1.1.9", "semiuri", user, STRANGER)
    vias = "".join(
        f"Via: SIP/2.0/{kind} t{n}.example.com;branch=z9hG4bK-{n}\r\n"
        for n, kind in enumerate(("TCP", "TLS", "SCTP", "UNKNOWN"))
    )
    top = f"Via: SIP/2.0/UDP {me};branch=z9hG4bK-transports;rport\r\n{vias}".rstrip()
    yield Torture("3.1.1.10", "transports", w.plain("transports", via=top), STRANGER)
    parts = (
        f"--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\nHello\r\n--{BOUNDARY}\r\nContent-Type:"
        f" application/octet-stream\r\n\r\n\x00\x01\xff\r\n--{BOUNDARY}--"
    )
    mime = f'multipart/mixed;boundary="{BOUNDARY}"'
    several = w.plain("mpart01", "MESSAGE", more=(f"Content-Type: {mime}",), body=parts)
    yield Torture("3.1.1.11", "mpart01", several, (401, 405))
    yield Torture("3.1.1.12", "unreason", w.response("unreason", "200 = 2**3 * 5**2 но"), SILENCE)
    yield Torture("3.1.1.13", "noreason", w.response("noreason", "100 "), SILENCE)


def invalid(w: Writer, host: str, me: str) -> Iterator[Torture]:
    """3.1.2: what nobody may send."""
    commas = f"Via: SIP/2.0/UDP {me};rport;branch=z9hG4bK-badinv01;;,;,,"
    yield Torture("3.1.2.1", "badinv01", w.plain("badinv01", via=commas), (None, 400))
    more = w.plain("clerr", length="Content-Length: 9999")
    yield Torture("3.1.2.2", "clerr", more, (None, 400, 401), "a datagram's end is its own")
    negative = w.plain("ncl", length="Content-Length: -999")
    yield Torture("3.1.2.3", "ncl", negative, (None, 400, 401), "the same")
    large = w.plain("scalar02", "REGISTER", cseq="CSeq: 36893488147419103232 REGISTER",
                    forwards="300", more=("Expires: 1" + "0" * 45,))  # fmt: skip
    yield Torture("3.1.2.4", "scalar02", large, (None, 400))
    answer = w.response("scalarlg", "503 Unavailable", "9292394834772304023312 OPTIONS")
    yield Torture("3.1.2.5", "scalarlg", answer, SILENCE)
    quote = w.plain("quotbal", to=f'To: "Mr. Caller <sip:101@{host}>')
    yield Torture("3.1.2.6", "quotbal", quote, (None, 400))
    yield Torture("3.1.2.7", "ltgtruri", w.plain("ltgtruri", uri=f"<sip:101@{host}>"), (None, 400))
    yield Torture("3.1.2.8", "lwsruri", w.plain("lwsruri", uri=f"sip:101@{host}; lr"), (None, 400))
    start = f"OPTIONS  sip:101@{host}  SIP/2.0"
    blanks = "blanks are passed over, which the RFC allows"
    yield Torture("3.1.2.9", "lwsstart", w.plain("lwsstart", start=start), (None, 400, 401), blanks)
    start = f"OPTIONS sip:101@{host} SIP/2.0  "
    yield Torture("3.1.2.10", "trws", w.plain("trws", start=start), (None, 400, 401), blanks)
    header = w.plain("escruri", uri=f"sip:101@{host}?Route=%3Csip:example.com%3E")
    yield Torture("3.1.2.11", "escruri", header, (400, 401), "the hidden header is passed over")
    date = w.plain("baddate", more=("Date: Fri, 01 Jan 2010 16:00:00 EST",))
    yield Torture("3.1.2.12", "baddate", date, (400, 401), "nobody reads a Date here")
    bare = w.plain("regbadct", "REGISTER", contact=f"Contact: sip:caller@{me}?Route=%3Csip:x%3E")
    yield Torture(
        "3.1.2.13", "regbadct", bare, (None, 400, 401), "nobody who is no phone registers"
    )
    blank = w.plain("badaspec", to=f'To: "caller" < sip:101@{host} >')
    yield Torture("3.1.2.14", "badaspec", blank, (None, 400, 401), "blanks are passed over")
    name = w.plain("baddn", sender=f"From: Bell, Alexander <sip:caller@{host}>;tag=baddn")
    yield Torture("3.1.2.15", "baddn", name, (None, 400, 401), "of the name nothing is read")
    version = w.plain("badvers", start=f"OPTIONS sip:101@{host} SIP/7.0")
    yield Torture("3.1.2.16", "badvers", version, (None, 400, 505))
    other = w.plain("mismatch01", cseq="CSeq: 8 INVITE")
    first = "the start line counts; who asks is asked first who they are"
    yield Torture("3.1.2.17", "mismatch01", other, (None, 400, 401), first)
    unknown = w.plain("mismatch02", "NEWMETHOD", cseq="CSeq: 8 INVITE")
    yield Torture("3.1.2.18", "mismatch02", unknown, (None, 400, 401, 501), first)
    yield Torture("3.1.2.19", "bigcode", w.response("bigcode", "4294967301 better not"), SILENCE)


def layers(w: Writer, host: str, me: str) -> Iterator[Torture]:
    """3.2 to 3.4: transactions, what is asked for, and older syntax."""
    cookie = f"Via: SIP/2.0/UDP {me};branch=z9hG4bK;rport"
    yield Torture("3.2.1", "badbranch", w.plain("badbranch", via=cookie), (400, 401))
    bare = f"OPTIONS sip:{host} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-insuf\r\n\r\n"
    yield Torture("3.3.1", "insuf", bare.encode(), (None, 400))
    scheme = w.plain("unkscm", uri="nobodyKnowsThisScheme:totallyopaquecontent")
    schemes = "who asks is asked first who they are"
    dropped = "what is no address of SIP's is dropped unread"
    yield Torture("3.3.2", "unkscm", scheme, (None, 401, 416), dropped)
    novel = w.plain("novelsc", uri="soap.beep://192.0.2.103:3002")
    yield Torture("3.3.3", "novelsc", novel, (None, 401, 416), dropped)
    fields = w.plain("unksm2", to="To: <isbn:2983792873>", sender="From: <http://x>;tag=unksm2")
    yield Torture("3.3.4", "unksm2", fields, (None, 400, 401, 416), "a caller has a SIP address")
    wants = ("Require: nothingSupportsThis", "Proxy-Require: noProxiesSupportThis")
    yield Torture("3.3.5", "bext01", w.plain("bext01", more=wants), (401, 420), schemes)
    kind = w.invite("invut", body="<audio/>", kind="application/unknownformat")
    yield Torture("3.3.6", "invut", kind, (401, 415), schemes)
    novel = w.plain("regaut01", "REGISTER", more=("Authorization: NoOneKnowsThisScheme a=b",))
    dropped = "a scheme that nobody knows is dropped unread, and no telephone of ours has one"
    yield Torture("3.3.7", "regaut01", novel, (None, 401), dropped)
    several = w.plain("multi01", more=(f"To: <sip:102@{host}>", "CSeq: 59 INVITE"))
    yield Torture("3.3.8", "multi01", several, (None, 400, 401), "the first of several counts")
    lengths = w.plain("mcl01", more=("Content-Length: 98",))
    yield Torture("3.3.9", "mcl01", lengths, (None, 400, 401), "a datagram's end is its own")
    cast = f"Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK-bcast\r\nVia: SIP/2.0/UDP {me}"
    yield Torture("3.3.10", "bcast", w.response("bcast", "200 OK", via=cast), SILENCE)
    zero = w.plain("zeromf", forwards="0")
    yield Torture("3.3.11", "zeromf", zero, (401, 483), "we are its end, and pass nothing on")
    for section, name, contact in (
        ("3.3.12", "cparam01", f"Contact: <sip:caller@{me}>;unknownparam"),
        ("3.3.13", "cparam02", f"Contact: <sip:caller@{me};unknownparam>"),
        ("3.3.14", "regescrt", f"Contact: <sip:caller@{me}?Route=%3Csip:example.com%3E>"),
    ):
        yield Torture(section, name, w.plain(name, "REGISTER", contact=contact), STRANGER)
    accept = w.invite("sdp01", "Accept: text/nobodyKnowsThis")
    yield Torture("3.3.15", "sdp01", accept, (401, 406), schemes)
    old = (
        f"INVITE sip:101@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {me}\r\nFrom: <sip:caller@{host}>\r\n"
        f"Record-Route: <sip:{host}>\r\nTo: <sip:101@{host}>\r\nCall-ID: inv2543@torture\r\n"
        "CSeq: 56 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    yield Torture("3.4.1", "inv2543", old.encode(), (400, 401), "of 1999; no phone is so old")


def every(host: str, me: str) -> list[Torture]:
    """All of them, in the RFC's order."""
    writer = Writer(host, me)
    return [one for part in (valid, invalid, layers) for one in part(writer, host, me)]

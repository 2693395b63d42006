"""A bundle comes from a web server, over a line that breaks off."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from firmware.update import fetch
from firmware.update.bundle import BundleError
from firmware.update.fetch import fetched

BUNDLE = bytes(range(256)) * 20_000  # 5 MB


class Shelf(BaseHTTPRequestHandler):
    """A server's, which may break off, and may know no ranges."""

    breaks_after: int | None = None
    knows_ranges = True
    says_length = len(BUNDLE)
    asked: list[str]

    def do_GET(self) -> None:
        if self.path != "/new.raucb":
            self.send_error(404)
            return
        said = self.headers.get("range", "")
        type(self).asked.append(said)
        begin = int(re.sub(r"\D", "", said) or 0) if self.knows_ranges else 0
        if begin >= len(BUNDLE):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("content-length", str(self.says_length - begin))
        self.end_headers()
        end = len(BUNDLE) if self.breaks_after is None else begin + self.breaks_after
        self.wfile.write(BUNDLE[begin:end])

    def log_message(self, *_told: object) -> None:
        """Nobody reads it."""


@contextmanager
def shelf(
    breaks_after: int | None = None, *, knows_ranges: bool = True, says: int = len(BUNDLE)
) -> Iterator[tuple[str, type[Shelf]]]:
    kind = type("Shelf", (Shelf,), {
        "breaks_after": breaks_after, "knows_ranges": knows_ranges, "says_length": says,
        "asked": list[str](),
    })  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/new.raucb", kind
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_bundle_comes_whole_and_tells_how_far_it_is(tmp_path: Path) -> None:
    part, told = tmp_path / "update.part", list[int]()
    with shelf() as (address, _):
        fetched(address, part, told.append)
    assert part.read_bytes() == BUNDLE
    assert told[-1] == len(BUNDLE)


def test_what_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    part = tmp_path / "update.part"
    with shelf(2_000_000) as (address, kind):
        for _ in range(2):
            with pytest.raises(BundleError, match="it goes on"):
                fetched(address, part)
        fetched(address, part)
        assert kind.asked == ["", "bytes=2000000-", "bytes=4000000-"]
    assert part.read_bytes() == BUNDLE


def test_a_server_that_knows_no_ranges_begins_anew(tmp_path: Path) -> None:
    part = tmp_path / "update.part"
    part.write_bytes(b"what came before")
    with shelf(knows_ranges=False) as (address, _):
        fetched(address, part)
    assert part.read_bytes() == BUNDLE


def test_what_lies_there_whole_already_comes_once_more(tmp_path: Path) -> None:
    part = tmp_path / "update.part"
    part.write_bytes(BUNDLE)
    with shelf() as (address, _):
        fetched(address, part)
    assert part.read_bytes() == BUNDLE


def test_what_is_too_large_or_not_there_is_refused_in_words(tmp_path: Path) -> None:
    part = tmp_path / "update.part"
    with shelf(says=fetch.MOST + 1) as (address, _):
        with pytest.raises(BundleError, match="larger than any"):
            fetched(address, part)
        with pytest.raises(BundleError, match="answers with 404"):
            fetched(address + "x", part)
    with pytest.raises(BundleError, match="it broke off"):
        fetched(address, part)
    for foreign in ("file:///etc/shadow", "ftp://127.0.0.1/new.raucb"):
        with pytest.raises(BundleError, match="begins with https"):
            fetched(foreign, part)
    assert not part.exists()

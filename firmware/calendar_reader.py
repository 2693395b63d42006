"""A program of its own, which reads one calendar of a stranger's and says whether it can be used.

It is started by firmware/calendars.py with the clinic's zone as its argument. Its standard input is
the file, its standard output one line of JSON: on how many days it closes the clinic, or why it
cannot be used and what to do. Before a byte of the file is read it is confined as a decoder of
sounds is (firmware/decoder.py): no file, socket or process can be had any more, and 150 MB and 5 s
of a processor are all there is. So whatever is loaded at its first use is loaded before.
"""

import json
import sys
from contextlib import suppress
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo, available_timezones

from firmware.closures import CALENDAR_MAX, CalendarError, closures
from firmware.decoder import confine

NOT_TEXT = CalendarError("it is not UTF-8 text", "export it as iCalendar (.ics) again")
# An event of each kind: what reads them is loaded by it.
SAMPLE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//CareLine//EN
BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:STANDARD
DTSTART:19701101T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1
SUMMARY:Closed
DTSTART;TZID=America/New_York:20261224T120000
DURATION:PT4H
RRULE:FREQ=YEARLY;UNTIL=20301231T000000Z
EXDATE;TZID=America/New_York:20271224T120000
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20261225
RDATE;VALUE=DATE:20271225
RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=2
END:VEVENT
END:VCALENDAR
"""


def _warm(zone: str) -> list[ZoneInfo]:
    """All that a calendar may need; zones stay known for as long as they are held."""
    held = [ZoneInfo(zone), *(ZoneInfo(each) for each in sorted(available_timezones()))]
    closures(SAMPLE, "sample.ics", held[0])
    with suppress(CalendarError):
        closures(SAMPLE.replace("America/New_York", "Of/Sample"), "sample.ics", held[0])
    return held


def told(given: BinaryIO, zone: ZoneInfo) -> dict[str, object]:
    """What is said of a file: `days`, or `reason` and `cure`."""
    try:
        text = given.read(4 * CALENDAR_MAX + 1).decode("utf-8")
        return {"days": len(closures(text, "brought.ics", zone))}
    except UnicodeDecodeError:
        return {"reason": NOT_TEXT.reason, "cure": NOT_TEXT.cure}
    except CalendarError as refused:
        return {"reason": refused.reason, "cure": refused.cure}


def main(zone: str, given: BinaryIO, taken: BinaryIO) -> None:
    """One file in, one line out."""
    held = _warm(zone)
    confine()
    taken.write(json.dumps(told(given, held[0])).encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, cast(BinaryIO, sys.stdout.buffer))

"""Today's words, as a running exchange gives them: who waits, what is wrong and the cure, and of
messages only how many, in one's own mailboxes. No caller's number or name is among them."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from firmware import board, control, patient_file, patients, requests, settings, topics
from firmware.board import BoardReply, CallingLine, HoursLine, WaitingLine
from firmware.ledger import Arrived, Finished, Ledger, Moment
from firmware.machine import MachineKey
from firmware.request_topics import RequestsReply
from firmware.requests import Left
from firmware.topics import (
    AgentLine,
    AgentsReply,
    BrokenPromise,
    CallbackLine,
    CallbacksReply,
    LeaseLine,
    LeasesReply,
    Part,
    StatusReply,
)
from firmware.web.live import Live, Standing
from firmware.web.today import View, view
from firmware.web.wall import view as wall_view
from firmware.web.words import Words
from firmware.who_calls import Caller, Segment
from ivr.commands import Outcome
from ivr.form import RequestKind
from ivr.plan import Person, Plan
from tests.firmware.by_hand import SITE, exchange_at, live, site_at

ENGLISH, SPANISH = Words("en"), Words.of("es")
NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
PLAN = settings.read(SITE)


def standing(*parts: Part) -> Standing:
    """A clinic in which much happens at once."""
    return Standing(
        status=StatusReply(
            version="1",
            pid=1,
            up_s=1,
            offered=0,
            outcomes={},
            in_progress=0,
            balanced=True,
            parts=parts,
        ),
        board=BoardReply(
            waiting=(
                WaitingLine(queue="desk", urgency="urgent", waits_s=61.4, rings=True),
                WaitingLine(queue="desk", urgency="routine", waits_s=5, rings=False),
            ),
            hours=(
                HoursLine(hours="office", is_open=True, why="week", until="2026-03-02T17:00-05:00"),
                HoursLine(hours="lab", is_open=False, why="switch", until="2026-03-03T00:00-05:00"),
            ),
        ),
        agents=AgentsReply(
            agents=(
                AgentLine(extension="101", name="Desk", doing="free", detail="", queues=("desk",)),
                AgentLine(
                    extension="102", name="Back", doing="paused", detail="lunch", queues=("desk",)
                ),
            )
        ),
        requests=RequestsReply(requests=(), open=3, overdue=1, due_today=2, done_today=0),
        callbacks=CallbacksReply(
            callbacks=(
                CallbackLine(ticket="t", queue="desk", waits_s=1, tries=0, doing="", expires=""),
            ),
            broken=(
                BrokenPromise(ticket="u", call="c", queue="desk", ending="", closed="", tries=3),
            ),
        ),
        leases=LeasesReply(leases=(LeaseLine(lease="l", opened="", owner=""),)),
        calls={"main": 2},
        unheard={"desk": (4, 1), "doctor": (7, 0)},
        undone={"desk": 6, "doctor": 7},
    )


def cells(shown: View, table: str) -> list[tuple[str | float, ...]]:
    return [row.cells for row in shown.tables[table]]


def seen(told: Standing, words: Words = ENGLISH, plan: Plan | None = PLAN) -> View:
    return view(told, plan, {"desk"}, words, NOW)


def test_one_look_says_who_waits_what_to_do_and_what_is_wrong() -> None:
    shown = seen(
        standing(
            Part(name="clock", state="warning", detail="cannot be trusted", cure="set it"),
            Part(name="asterisk", state="alarm", detail="gone", cure="see its log"),
            Part(name="engine", state="well", detail="0 calls now"),
        )
    )
    assert shown.texts["headline"] == "2 things are wrong"
    assert cells(shown, "alarms") == [
        ("alarm", "telephone switch", "gone", "see its log"),
        ("warning", "clock", "cannot be trusted", "set it"),
    ]
    assert shown.texts["waiting"] == "2 callers wait"
    assert cells(shown, "waiting") == [
        ("urgent", "desk", 61.4, "a phone rings"),
        ("routine", "desk", 5.0, "waits"),
    ]
    assert cells(shown, "todo") == [
        ("urgent", "An urgent message that nobody has accepted"),
        ("requests", "1 request is overdue"),
        ("requests", "2 open requests"),
        ("call-backs", "1 call-back came to nothing"),
        ("call-backs", "1 caller is to be called back"),
        ("desk", "6 messages to see to, 4 new, 1 urgent"),
    ]
    assert shown.texts["todo"] == "11 things to do", "6 messages, 3 requests, 2 call-backs"
    assert cells(shown, "lines") == [("main", "2 calls")]
    assert cells(shown, "phones") == [("101", "Desk", "free"), ("102", "Back", "paused: lunch")]
    office, lab = cells(shown, "hours")
    assert office[:2] == ("office", "open")
    assert str(office[2]).startswith("until 5:00")
    assert lab == ("lab", "closed", "until Tue, Mar 3, 12:00\u202fAM", "switched by hand")


def without(doing: str, queues: tuple[str, ...] = ("desk",)) -> Standing:
    """A clinic where all is well but for what one telephone does."""
    phone = AgentLine(extension="102", name="Back", doing=doing, detail="", queues=queues)
    return replace(standing(), agents=AgentsReply(agents=(phone,)))


def test_a_telephone_that_a_queue_or_somebody_on_call_needs_is_a_thing_wrong() -> None:
    shown = seen(without("unreachable"))
    assert shown.texts["headline"] == "Something is wrong"
    ((state, what, said, cure),) = cells(shown, "alarms")
    assert (state, what) == ("alarm", "telephones")
    assert said == "1 telephone that is needed cannot be reached: 102 Back"
    assert cure == "Look whether it has power and network"
    assert wall_view(without("unreachable"), PLAN, ENGLISH, NOW).tone == "alarm"
    spare = without("unreachable", queues=())
    assert seen(spare).texts["headline"] == "All is well", "nobody waits for it"
    called = replace(PLAN, people={"lee": Person(name="lee", label="Dr. Lee", numbers=("102",))})
    assert seen(spare, plan=called).texts["headline"] == "Something is wrong"
    assert seen(without("signed out")).texts["headline"] == "All is well"


def test_who_waits_is_listed_with_the_most_urgent_first_however_long_the_others_wait() -> None:
    waits: list[tuple[Literal["routine", "soon", "urgent"], float]] = [
        ("routine", 400.0),
        ("soon", 90.0),
        ("urgent", 3.0),
        ("soon", 20.0),
    ]
    lines = tuple(
        WaitingLine(queue="desk", urgency=urgency, waits_s=waits_s, rings=False)
        for urgency, waits_s in waits
    )
    told = replace(standing(), board=BoardReply(waiting=lines, hours=()))
    assert [row[0::2] for row in (each[:3] for each in cells(seen(told), "waiting"))] == [
        ("urgent", 3.0),
        ("soon", 90.0),
        ("soon", 20.0),
        ("routine", 400.0),
    ]


def test_how_many_requests_are_one_s_own_is_told_to_whose_they_are_alone() -> None:
    told = standing()
    assert told.requests is not None
    asked = told.requests.model_copy(update={"owners": {"the nurse": 2}})
    told = replace(told, requests=asked)
    mine = view(told, PLAN, {"desk"}, ENGLISH, NOW, person="the nurse")
    assert ("requests", "2 requests are yours") in cells(mine, "todo")
    others = view(told, PLAN, {"desk"}, ENGLISH, NOW, person="the admin")
    assert "yours" not in others.as_json()


def test_of_a_mailbox_that_is_not_one_s_own_nothing_is_told() -> None:
    assert "doctor" not in seen(standing()).as_json()


def test_all_is_well_and_said_so_and_the_same_in_spanish() -> None:
    well = Part(name="engine", state="well", detail="0 calls now")
    assert seen(standing(well)).texts["headline"] == "All is well"
    spanish = seen(standing(well), SPANISH)
    assert spanish.texts == {
        "headline": "Todo va bien",
        "waiting": "2 personas esperan",
        "todo": "11 cosas por hacer",
    }
    assert cells(spanish, "hours")[1][2] == "hasta mar, 3 mar, 0:00"


def test_an_exchange_that_is_down_is_said_to_be_with_the_cure_and_the_page_still_works(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path)
    told = asyncio.run(Live(place).now())
    shown = seen(told)
    ((state, name, said, cure),) = cells(shown, "alarms")
    assert (state, name) == ("alarm", "exchange")
    assert str(said).startswith("The exchange is down. Telephones still ring")
    assert "911 works" in str(said)
    assert "switch the box off and on, and call your technician" in str(cure)
    assert "systemctl" not in str(cure), "a practice manager has no shell"
    assert shown.texts["waiting"] == "Not known while the exchange is down"
    assert cells(shown, "lines") == [("main", "free")]


def test_an_answer_that_makes_no_sense_costs_one_look_and_the_screens_go_on(tmp_path: Path) -> None:
    place = site_at(tmp_path)

    async def story() -> None:
        place.control_socket.parent.mkdir(parents=True, exist_ok=True)
        asked = asyncio.Event()

        async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(b"[]\n")
            writer.close()
            asked.set()

        watching = Live(place)
        running = asyncio.create_task(watching.run())
        watcher = watching.follow()
        async with asyncio.timeout(60):
            await anext(watcher)
            async with await asyncio.start_unix_server(odd, place.control_socket):
                await asked.wait()
            place.control_socket.unlink(missing_ok=True)
            assert (await anext(watcher)).down
            assert (await anext(watcher)).down
        assert not running.done()
        running.cancel()

    asyncio.run(story())


def test_a_wallboard_names_no_phone_no_mailbox_and_no_person() -> None:
    shown = wall_view(standing(), PLAN, ENGLISH, NOW)
    assert shown.texts["count"] == "2"
    assert shown.texts["free"] == "1 of 1 phones free"
    for word in ("Desk", "Back", "101", "doctor"):
        assert word not in shown.as_json()


def test_a_caller_who_comes_is_told_to_whoever_watches_and_nobody_s_name_with_it(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            watching = Live(place)
            running = asyncio.create_task(watching.run())
            seen_by_one, seen_by_other = watching.follow(), watching.follow()
            first = await anext(seen_by_one)
            assert first.board is not None
            assert first.board.waiting == ()
            await anext(seen_by_other)
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            for watcher in (seen_by_one, seen_by_other):
                async for told in watcher:
                    if told.board and told.board.waiting:
                        break
                shown = seen(told)
                assert shown.texts["waiting"] == "1 caller waits"
                assert json.loads(shown.as_json())["tables"]["waiting"][0]["cells"][1] == "desk"
                assert "2025550199" not in shown.as_json()
                assert "Bob" not in repr(told)
            leg.hang_up()
            await clinic.leaves(channel)
            async for told in seen_by_one:
                if told.board and not told.board.waiting:
                    break
            await seen_by_one.aclose()
            await seen_by_other.aclose()
            running.cancel()

    live(story())


def test_as_a_telephone_rings_the_clinic_s_people_see_who_calls_and_nobody_else_does(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path)
    key = MachineKey.at(place.machine_key)
    listed, bad = patient_file.read(
        b"name,birth_date,phone\nAnna Reyes,1985-04-12,(202) 555-0199\n"
        b"Ben Reyes,1983-01-02,+1 202 555 0199\nCarl Odd,1970-01-01,0199\n"
    )
    assert bad == []
    patients.replace(place.page_db, key, listed, NOW)
    before = Moment(NOW, 0)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            watching = Live(place)
            running = asyncio.create_task(watching.run())
            watcher = watching.follow()
            assert (await anext(watcher)).callers == {}
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            await clinic.asterisk.asked["Originate"].get()
            async for told in watcher:
                if told.board and told.board.calling:
                    break
            assert "Reyes" not in repr(told)
            for may_read in (False, True):
                shown = view(told, PLAN, {"desk"}, ENGLISH, NOW, may_read=may_read)
                assert ("Reyes" in shown.as_json()) == may_read
            ((who, known, left, now),) = cells(shown, "calling")
            assert (who, known) == (
                "Anna Reyes / Ben Reyes",
                "patient, 1 call before this",
            )
            assert left == "1 open request"
            assert now == "rings at 101 Desk 101"
            assert "Reyes" not in wall_view(told, PLAN, ENGLISH, NOW).as_json()
            leg.hang_up()
            await clinic.leaves(channel)
            async for told in watcher:
                if told.board and not told.board.calling:
                    break
            assert told.callers == {}
            await watcher.aclose()
            running.cancel()

    earlier = "11111111-1111-4111-8111-111111111111"
    books = Ledger(place.calls_db, place.ledger_log, key)
    books.submit([Arrived(earlier, "main", "", "2025550199", "", before)]).result()
    books.submit([Finished(earlier, Outcome.SELF_SERVED, before)]).result()
    left = Left("r", earlier, RequestKind.REFILL, NOW, None, (), None, before)
    books.store.submit(lambda c: requests.record(c, left, key)).result()
    books.close()
    live(story())


def test_a_caller_who_is_not_on_the_list_is_told_by_how_the_number_ends() -> None:
    calling = CallingLine(call="c", phones=("101", "102"), talks=True)
    told = replace(
        standing(),
        board=BoardReply(waiting=(), hours=(), calling=(calling,)),
        callers={"c": Caller(Segment.NEW, (), "··· 43")},
    )
    ((who, known, _, now),) = cells(view(told, PLAN, (), ENGLISH, NOW, may_read=True), "calling")
    assert (who, known) == ("not on the list: ··· 43", "first call")
    assert now == "talks with 101 Desk 101, 102 Desk 102"
    hidden = replace(told, callers={"c": Caller(Segment.HIDDEN)})
    ((who, *_),) = cells(view(hidden, PLAN, (), SPANISH, NOW, may_read=True), "calling")
    assert who == "sin número visible"


def test_a_switch_by_hand_is_on_the_board_at_once(tmp_path: Path) -> None:
    hours = '\n[hours.office]\nmon = ["08:00-17:00"]\n'
    place = site_at(tmp_path, SITE + hours)

    async def story() -> None:
        async with exchange_at(place):
            wish = topics.SwitchRequest(to="closed")
            await control.ask_async(place.control_socket, topics.SWITCH, wish)
            told = await control.ask_async(place.control_socket, board.BOARD, board.BoardRequest())
            (office,) = told.hours
            assert (office.is_open, office.why) == (False, "switch")
            assert office.until is not None

    live(story())

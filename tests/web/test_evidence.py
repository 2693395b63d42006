"""The evidence on the page: read and printed by who reviews, taken along as a signed pack."""

from datetime import UTC, datetime
from pathlib import Path

from firmware import safeguards, signed_pack
from firmware.audit import Act, Audited
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.operations import Role
from firmware.web.words import Words
from tests.web.clinic import Clinic, named, token_in


def entered(clinic: Clinic, *told: tuple[str, Act, str]) -> None:
    place, at = clinic.place, datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    acts = [Audited(who, act, about, Moment(at, n)) for n, (who, act, about) in enumerate(told)]
    ledger.submit(acts).result()
    ledger.close()


def test_an_auditor_reads_who_opens_what_how_drills_went_and_each_line_of_the_rule(
    clinic: Clinic,
) -> None:
    entered(
        clinic,
        (named(Role.NURSE), Act.SIGNED_IN, ""),
        ("this box", Act.DRILLED, "careline-1.age: well"),
        (named(Role.ADMIN), Act.EXPORTED, "the evidence"),
    )
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.AUDITOR))
        text = browser.get("/evidence").text
        assert all(named(role) in text for role in Role)
        assert "Sun, Mar 1, 2026, 10:00\u202fAM" in text, (
            "when the nurse signed in last, by the clinic's clock"
        )
        assert "careline-1.age: well" in text
        assert f"by {named(Role.ADMIN)}." in text, "the last pack"
        assert all(f"164.312{each.line} " in text for each in safeguards.SAFEGUARDS)


def test_one_press_makes_a_pack_that_holds_and_that_is_entered(
    clinic: Clinic, tmp_path: Path
) -> None:
    entered(clinic, (named(Role.NURSE), Act.SIGNED_IN, ""))
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.AUDITOR))
        token = {"token": token_in(browser.get("/evidence").text)}
        made = browser.post("/evidence/make", data=token)
        assert made.headers["content-type"] == "application/zip"
        assert 'filename="careline-evidence-2026-03-02.zip"' in made.headers["content-disposition"]
    pack = tmp_path / "pack.zip"
    pack.write_bytes(made.content)
    assert "evidence.html" in signed_pack.check(pack).files
    assert (named(Role.AUDITOR), "exported", "the evidence") in clinic.audited()


def test_before_the_exchange_has_run_it_is_said_so_and_nothing_is_entered(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        token = {"token": token_in(browser.get("/evidence").text)}
        refused = browser.post("/evidence/make", data=token)
        assert refused.status_code == 409
        assert "The exchange has not run yet" in refused.text
    assert (named(Role.ADMIN), "exported", "the evidence") not in clinic.audited()


def test_nobody_sees_it_whose_work_it_is_not(clinic: Clinic) -> None:
    for role in (Role.NURSE, Role.FRONT_DESK, Role.PROVIDER):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert browser.get("/evidence").status_code == 403, role


def test_each_line_of_the_rule_is_told_in_spanish_too() -> None:
    spanish = Words.of("es")
    for each in safeguards.SAFEGUARDS:
        for said in (each.title, each.box, each.clinic):
            assert spanish.gettext(said) != said

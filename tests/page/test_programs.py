"""All that the JSON interface says may be asked of it, and much that it does not say, as a program
of each role and as nobody: nothing breaks, nothing protected answers, and each answer has the form
that was promised. schemathesis thinks it up, from a seed, and a real exchange answers."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from playwright.sync_api import Browser, expect
from requests import Request
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from firmware.operations import BY_TOKEN, ROUTES, Role, may
from firmware.web import api
from firmware.web.page import house, page
from tests.firmware.by_hand import SITE, exchange_at, site_at
from tests.page.practice import Practice
from tests.page.visit import visiting
from tests.web.clinic import ADDRESS
from tests.web.test_api import by, staffed

HOURS = '\n[hours.office]\nmon = ["08:00-17:00"]\n'
SEED = 20261122
# Of each thing that may be asked, so many as the description says and so many as it does not; each
# is asked as everybody.
CASES = 6
CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance]
# Not a thing that can be asked, whoever asks: no such page, or no body that can be read.
NOT_ASKED = {400, 404, 405, 422}


def test_whatever_a_program_asks_nothing_breaks_and_nothing_protected_answers(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path, SITE + HOURS)
    made = staffed(place)

    def everything() -> None:
        described = schemathesis.openapi.from_dict(api.description())
        with TestClient(page(house(place)), ADDRESS) as client:
            for found in described.get_all_operations():
                assert isinstance(found, Ok), "the description is no OpenAPI"
                for mode in GenerationMode:
                    as_everybody(client, made, found.ok(), mode)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.hang_up()
            await clinic.leaves(channel)
            await asyncio.to_thread(everything)

    asyncio.run(story())


def as_everybody(
    client: TestClient,
    made: Mapping[Role, str],
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
) -> None:
    """One thing that may be asked, as a program of each role and as nobody."""
    needed = ROUTES[f"{operation.method.upper()} {operation.path}"]
    assert needed is not None

    @seed(SEED)
    @settings(
        max_examples=CASES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def asked(case: Case[Any]) -> None:
        for role in (*Role, None):
            sent = Request(**case.as_transport_kwargs(base_url=ADDRESS)).prepare()
            if role is not None:
                sent.headers.update(by(made[role]))
            answer = client.request(
                str(sent.method),
                str(sent.url),
                headers=[(name, _plain(value)) for name, value in sent.headers.items()],
                content=cast("str | bytes | None", sent.body),
            )
            case.validate_response(answer, checks=CHECKS)
            if role is None:
                assert answer.status_code in NOT_ASKED | {401}
            elif may(role, needed) and needed in BY_TOKEN:
                assert answer.status_code not in (401, 403)
            else:
                assert answer.status_code in NOT_ASKED | {403}

    asked()


def _plain(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


@pytest.mark.parametrize("language", ["en", "es"])
def test_somebody_makes_a_token_for_a_program_and_takes_it_away(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.NURSE)
        visit.go("/programs")
        visit.page.locator("#name").fill("<b>the calendar</b>")
        visit.page.locator("form[action='/programs'] button.main").click()
        expect(visit.page.locator("code.secret")).to_contain_text("careline-")
        visit.nobody_is_kept(pictures, "programs")
        visit.page.locator("form[action='/programs/end'] button").click()
        expect(visit.page.locator("code.secret")).to_have_count(0)
        expect(visit.page.locator("form[action='/programs/end']")).to_have_count(0)

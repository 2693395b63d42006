"""`careline lines`: each line with what it opens, and whom trunks are trusted by."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware.cli.lines import app
from firmware.place import Place
from firmware.providers import PROVIDERS
from tests.firmware.by_hand import SITE, exchange_at, live, site_at
from tests.lines.test_secret_trunk import Company


def careline(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["lines", *words], env={"CARELINE_HOME": str(home)})


def test_each_line_is_told_with_its_numbers_and_what_it_opens(tmp_path: Path) -> None:
    place = site_at(tmp_path, SITE)

    async def story() -> None:
        async with exchange_at(place):
            told = await asyncio.to_thread(careline, place.home)
            assert "2025550100" in told.stdout
            (line,) = json.loads((await asyncio.to_thread(careline, place.home, "--json")).stdout)[
                "lines"
            ]
            assert (line["line"], line["by"], line["leads_to"]) == ("main", "telco", "flow main")
            assert (line["in_use"], line["last_call"]) == (0, None)

    live(story())


def test_without_an_exchange_it_is_said_that_there_is_none(tmp_path: Path) -> None:
    assert careline(tmp_path).exit_code == 1


def test_each_company_that_is_known_is_listed_with_where_that_was_read(tmp_path: Path) -> None:
    told = careline(tmp_path, "providers").stdout
    for name, company in PROVIDERS.items():
        assert f'provider = "{name}"' in told
        assert company.source in told


@pytest.mark.parametrize("is_authority", [True, False])
def test_an_authority_is_trusted_by_name_and_nothing_else_is(
    tmp_path: Path, is_authority: bool
) -> None:
    brought, company = tmp_path / "brought.pem", Company()
    brought.write_bytes(company.authority if is_authority else b"nothing")
    told = careline(tmp_path, "trust", str(brought))
    assert (told.exit_code == 0) == is_authority == Place(tmp_path).trusted.exists()
    assert ("CN=Company" in told.stdout) == is_authority

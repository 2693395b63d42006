"""The wallboard: made of a screen by somebody who may, shown without anybody signed in, and naming
nobody."""

from firmware.operations import Role
from firmware.web.entrance import COOKIE, WALL_COOKIE
from tests.web.clinic import Clinic, named, token_in


def test_a_television_becomes_a_wallboard_until_somebody_ends_it(clinic: Clinic) -> None:
    with clinic.browser() as television, clinic.browser() as desk:
        assert television.get("/wall").headers["location"] == "/sign-in"
        clinic.sign_in(television, named(Role.FRONT_DESK))
        token = token_in(television.get("/today").text)
        begun = television.post("/wall/begin", data={"token": token})
        assert begun.headers["location"] == "/wall"
        assert COOKIE not in television.cookies
        assert television.cookies[WALL_COOKIE]
        assert television.get("/wall").status_code == 200
        # It is no way to anything else, and nobody is signed in there.
        assert television.get("/today").headers["location"] == "/sign-in"
        assert television.post("/today/switch").headers["location"] == "/sign-in"
        assert clinic.house.visitors.holding_keys == 0
        clinic.sign_in(desk, named(Role.NURSE))
        token = token_in(desk.get("/today").text)
        desk.post("/wall/end", data={"token": token})
        assert television.get("/wall").headers["location"] == "/sign-in"
    told = clinic.audited()
    assert (named(Role.FRONT_DESK), "asked for", "a wallboard") in told
    assert (named(Role.NURSE), "asked for", "the end of all wallboards") in told


def test_a_made_up_token_is_no_wallboard(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        browser.cookies.set(WALL_COOKIE, "made up", domain="careline.local", path="/")
        assert browser.get("/wall").headers["location"] == "/sign-in"


def test_a_language_is_its_person_s_at_every_screen(clinic: Clinic) -> None:
    with clinic.browser() as one, clinic.browser() as other:
        clinic.sign_in(one, named(Role.NURSE))
        token = token_in(one.get("/today").text)
        chosen = one.post("/language", data={"token": token, "language": "es", "back": "/today"})
        assert chosen.headers["location"] == "/today"
        assert '<html lang="es">' in one.get("/today").text
        clinic.sign_in(other, named(Role.NURSE))
        assert '<html lang="es">' in other.get("/today").text
        away = other.post(
            "/language",
            data={
                "token": token_in(other.get("/today").text),
                "language": "en",
                "back": "//elsewhere.example",
            },
        )
        assert away.headers["location"] == "/"

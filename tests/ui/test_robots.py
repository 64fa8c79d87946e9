"""Robots and users: for those who run the registry alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lading.core.access import Action
from tests.support.contents import HELLO
from tests.support.people import People
from tests.ui.browsing import Browser

FIELDS = {"name": "ci", "repositories": "team/** tools", "actions": ["pull", "push"], "days": "90"}


async def test_a_robot_is_made_shown_once_and_revoked(visitor: Browser, people: People) -> None:
    await visitor.sign_in("admin")
    form = (await visitor.get("/-/robots")).form("/-/robots")
    made = await visitor.post("/-/robots", {**form, **FIELDS})
    assert made.status == 200
    assert made.headers["cache-control"] == "no-store"
    assert "docker login -u robot+ci registry.test" in made.text
    [robot] = await people.metadata.robots.all()
    assert (robot.created_by, robot.actions) == ("admin", frozenset({Action.PULL, Action.PUSH}))
    assert robot.expires_at == people.now + 90 * 86400
    [password] = [word for word in made.text.split() if word.startswith("lading_")]
    shown = await visitor.get("/-/robots")
    assert password not in shown.html
    assert "robot+ci" in shown.text
    again = await visitor.post("/-/robots", {**form, **FIELDS})
    assert (again.status, "exists" in again.text) == (409, True)
    gone = await visitor.post("/-/robots/revoke", shown.form("/-/robots/revoke"))
    assert gone.headers["location"] == "/-/robots?done=robot-revoked"
    assert await people.metadata.robots.all() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "no spaces"},
        {"repositories": ""},
        {"repositories": "UPPER"},
        {"repositories": " ".join(f"r{number}" for number in range(21))},
        {"actions": []},
        {"actions": ["admin"]},
        {"actions": ["fly"]},
        {"days": "7000"},
    ],
)
async def test_what_cannot_be_a_robot_is_said_and_what_was_written_is_kept(
    visitor: Browser, people: People, wrong: dict[str, object]
) -> None:
    await visitor.sign_in("admin")
    form = (await visitor.get("/-/robots")).form("/-/robots")
    shown = await visitor.post("/-/robots", {**form, **FIELDS, **wrong})
    assert shown.status == 400
    assert "was not made" in shown.text
    assert await people.metadata.robots.all() == []


async def test_robots_and_users_are_for_those_who_run_the_registry(
    visitors: Callable[[], Browser], people: People
) -> None:
    for name in ("reader", "writer", "deleter", "outsider"):
        browser = visitors()
        await browser.sign_in(name)
        token = (await browser.get("/")).form("/-/sign-out")
        for path in ("/-/robots", "/-/users"):
            assert (await browser.get(path)).status == 403
        assert (await browser.post("/-/robots", {**token, **FIELDS})).status == 403
        assert (await browser.post("/-/robots/revoke", {**token, "name": "x"})).status == 403
    nobody = await visitors().get("/-/robots")
    assert nobody.headers.get("location", "").startswith("/-/sign-in")
    assert await people.metadata.robots.all() == []


async def test_users_and_rules_are_shown(visitor: Browser) -> None:
    await visitor.sign_in("admin")
    shown = await visitor.get("/-/users")
    assert "deleter" in shown.text
    assert "library/**" in shown.text
    assert "anybody, without a login" in shown.text
    assert "$2" not in shown.html


async def test_groups_and_their_members_are_shown_in_order(visitor: Browser) -> None:
    """As they are written: letters in upper case come first."""
    assert visitor.permissions is not None
    groups = {"web": frozenset({"eve", "Zoe", "bob", "dan"}), "ops": frozenset[str]()}
    visitor.permissions.value = replace(visitor.permissions.value, groups=groups)
    await visitor.sign_in("admin")
    shown = await visitor.get("/-/users")
    assert "<dt>ops</dt><dd>nobody</dd><dt>web</dt><dd>Zoe, bob, dan, eve</dd>" in shown.html


async def test_where_nobody_logs_in_the_pages_say_so_and_make_no_key_for_later(
    browser: Browser, people: People
) -> None:
    shown = await browser.get("/-/robots")
    assert "Nobody logs in here" in shown.text
    assert "Make the robot" not in shown.text
    await people.push_image(b"one", "latest")
    token = (await browser.get(f"/r/{HELLO}/-/tags/latest/delete")).parsed.forms[0][1]
    made = await browser.post("/-/robots", {**token, **FIELDS})
    assert (made.status, "once somebody has to log in" in made.text) == (403, True)
    assert await people.metadata.robots.all() == []
    assert "everybody may do everything" in (await browser.get("/-/users")).text

"""Pages of a registry that is read-only: they say so, and offer nothing that is refused."""

from dataclasses import replace

import pytest

from lading.edge.options import EdgeOptions
from lading.ui.assets import ASSETS
from lading.ui.context import UiParts
from tests.support.contents import HELLO
from tests.support.people import People
from tests.ui.browsing import Browser

PATH = f"/r/{HELLO}"


@pytest.fixture
def reading(people: People) -> Browser:
    """A browser of such a registry, where everybody may do everything else."""
    return Browser(UiParts(people.registry, EdgeOptions(read_only=True)))


async def test_an_empty_one_asks_for_no_push(reading: Browser) -> None:
    shown = (await reading.get("/")).text
    assert "docker push" not in shown
    assert "storage.maintenance.readonly" in shown


async def test_nothing_is_offered_that_would_be_refused(
    reading: Browser, browser: Browser, people: People
) -> None:
    """Each page says why."""
    image = await people.push_image(b"one", "latest")
    people.now += 10
    await people.push_image(b"two", "latest", "v2")
    await people.delete("v2")
    for path, offer in (
        (PATH, "Delete"),
        (f"{PATH}?show=untagged", "Delete"),
        (f"{PATH}/-/images/{image.digest}", "Delete"),
        (f"{PATH}/-/tags/latest/history", "Move back"),
        ("/-/trash", "Restore"),
    ):
        shown = (await reading.get(path)).text
        assert (offer in shown, "is read-only" in shown) == (False, True), path
        usual = (await browser.get(path)).text
        assert (offer in usual, "is read-only" in usual) == (True, False), path


async def test_of_one_that_is_switched_for_a_while_nothing_either(
    browser: Browser, people: People
) -> None:
    """From the next page on, in all of them, and no longer than it lasts."""
    await people.push_image(b"one", "latest")
    await people.metadata.read_only.set(people.change())
    for path, offer in ((PATH, "Delete"), ("/-/trash", "Restore"), ("/r/nothing/here", "Delete")):
        shown = (await browser.get(path)).text
        assert (offer in shown, "is read-only" in shown) == (False, True), path
    assert (await browser.get(f"{PATH}/-/tags/latest/delete")).status == 405
    await people.metadata.read_only.set(None)
    shown = (await browser.get(PATH)).text
    assert ("Delete" in shown, "is read-only" in shown) == (True, False)


async def test_no_robot_is_made(visitor: Browser, people: People) -> None:
    await visitor.sign_in("admin")
    assert "New robot" in (await visitor.get("/-/robots")).text
    await people.metadata.read_only.set(people.change())
    assert "New robot" not in (await visitor.get("/-/robots")).text


async def test_a_robot_is_revoked_all_the_same(visitor: Browser, people: People) -> None:
    """Its secret may have leaked; `lading token revoke` does it, too."""
    await visitor.sign_in("admin")
    form = (await visitor.get("/-/robots")).form("/-/robots")
    made = {"name": "ci", "repositories": "**", "actions": "pull", "days": "90"}
    await visitor.post("/-/robots", {**form, **made})
    await people.metadata.read_only.set(people.change())
    form = (await visitor.get("/-/robots")).form("/-/robots/revoke")
    gone = await visitor.post("/-/robots/revoke", form)
    assert gone.headers["location"] == "/-/robots?done=robot-revoked"
    assert await people.metadata.robots.all() == []


async def test_a_style_needs_no_database(browser: Browser, people: People) -> None:
    """The page that says that it does not answer has one, too."""
    await people.metadata.close()
    assert (await browser.get(f"/-/static/{ASSETS.version}/style.css")).status == 200


async def test_nobody_is_asked_whether_to_delete(reading: Browser, people: People) -> None:
    await people.push_image(b"one", "latest")
    shown = await reading.get(f"{PATH}/-/tags/latest/delete")
    assert (shown.status, "The registry is read-only" in shown.text) == (405, True)


async def test_who_sees_nothing_there_is_not_told_that_nothing_is_there(visitor: Browser) -> None:
    """As in a mirror with logins: signing in comes first."""
    parts = replace(visitor.parts, options=EdgeOptions(read_only=True))
    shown = await Browser(parts, visitor.permissions).get("/")
    assert "Sign in to see what you may pull" in shown.text
    assert "storage.maintenance.readonly" not in shown.text

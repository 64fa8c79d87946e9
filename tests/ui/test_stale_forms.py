"""Forms that were made a while ago: what has changed since is not deleted; and the ways back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from lading.services.delete import delete_manifest
from tests.support.contents import HELLO
from tests.support.people import People
from tests.ui.browsing import Browser

PATH = f"/r/{HELLO}"
TAG = f"{PATH}/-/tags/latest"


async def test_a_tag_that_was_moved_meanwhile_is_not_deleted(
    browser: Browser, people: People
) -> None:
    """Another image would go than that of which the page said what its deletion frees."""
    await people.push_image(b"one", "latest")
    form = (await browser.get(f"{TAG}/delete")).form(f"{TAG}/delete")
    other = await people.push_image(b"two", "latest")
    refused = await browser.post(f"{TAG}/delete", form)
    assert refused.status == 412
    assert "Nothing was done" in refused.text
    assert f"{TAG}/delete" in refused.links
    found = await people.metadata.tags.of_manifest(HELLO, other.digest)
    assert found == ["latest"]
    again = (await browser.get(f"{TAG}/delete")).form(f"{TAG}/delete")
    assert (await browser.post(f"{TAG}/delete", again)).status == 303


async def test_an_image_that_was_tagged_meanwhile_is_not_deleted(
    browser: Browser, people: People
) -> None:
    image = await people.push_image(b"one", "latest")
    path = f"{PATH}/-/images/{image.digest}/delete"
    form = (await browser.get(path)).form(path)
    await people.push_image(b"one", "production")
    refused = await browser.post(path, form)
    assert (refused.status, path in refused.links) == (412, True)
    assert await people.has("production")
    assert (await browser.post(path, (await browser.get(path)).form(path))).status == 303


async def test_an_image_that_is_tagged_at_the_last_moment_is_not_deleted(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the tags were compared with those of the form, and before the deletion begins."""
    image = await people.push_image(b"one", "latest")
    path = f"{PATH}/-/images/{image.digest}/delete"
    form = (await browser.get(path)).form(path)

    async def be_late(*args: Any, **kwargs: Any) -> None:
        await people.push_image(b"one", "production")
        await delete_manifest(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr("lading.ui.pages.deletion.delete_manifest", be_late)
        assert (await browser.post(path, form)).status == 412
    assert await people.has("production")
    assert await people.has("latest")


async def test_a_tag_that_was_moved_or_deleted_meanwhile_is_not_moved_back(
    browser: Browser, people: People
) -> None:
    """Who looked at its history has not seen what somebody has pushed since."""
    for name in (b"one", b"two"):
        await people.push_image(name, "latest")
        people.now += 10
    form = (await browser.get(f"{TAG}/history")).form(f"{TAG}/move")
    third = await people.push_image(b"three", "latest")
    refused = await browser.post(f"{TAG}/move", form)
    assert (refused.status, f"{TAG}/history" in refused.links) == (412, True)
    assert "Nothing was done" in refused.text
    assert await people.metadata.tags.of_manifest(HELLO, third.digest) == ["latest"]
    await people.delete("latest")
    assert (await browser.post(f"{TAG}/move", {**form, "now": third.digest})).status == 412
    assert not await people.has("latest")
    assert (await browser.post(f"{TAG}/move", {**form, "now": ""})).status == 303


async def test_a_tag_that_was_deleted_once_more_is_not_restored_as_something_else(
    browser: Browser, people: People
) -> None:
    await people.push_image(b"one", "latest")
    await people.delete("latest")
    form = (await browser.get("/-/trash")).form("/-/trash/restore")
    people.now += 10
    await people.push_image(b"two", "latest")
    await people.delete("latest")
    refused = await browser.post("/-/trash/restore", form)
    assert (refused.status, "/-/trash" in refused.links) == (412, True)
    assert not await people.has("latest")
    again = (await browser.get("/-/trash")).form("/-/trash/restore")
    assert (await browser.post("/-/trash/restore", again)).status == 303


async def test_what_is_deleted_twice_was_there_once(browser: Browser, people: People) -> None:
    """The second form says so, and leads to where it can be brought back."""
    await people.push_image(b"one", "latest", "v1")
    form = (await browser.get(f"{TAG}/delete")).form(f"{TAG}/delete")
    assert (await browser.post(f"{TAG}/delete", form)).status == 303
    again = await browser.post(f"{TAG}/delete", form)
    assert again.status == 404
    assert {PATH, f"{TAG}/history"} <= set(again.links)
    assert (await browser.get(f"{TAG}/history")).status == 200


async def test_what_was_restored_twice_is_there_once(browser: Browser, people: People) -> None:
    image = await people.push_image(b"one", "latest")
    await people.delete(image.digest)
    form = (await browser.get("/-/trash")).form("/-/trash/restore")
    assert (await browser.post("/-/trash/restore", form)).status == 303
    assert (await browser.post("/-/trash/restore", form)).status in {303, 404}
    assert await people.has("latest")


async def test_a_page_that_is_not_there_leads_to_its_repository(
    browser: Browser, people: People
) -> None:
    await people.push_image(b"one", "latest")
    for place in ("tags/none", f"images/sha256:{'a' * 64}", "nowhere", "config/sha256:a"):
        shown = await browser.get(f"{PATH}/-/{place}")
        assert (shown.status, PATH in shown.links) == (404, True), place
    assert PATH not in (await browser.get("/-/nowhere")).links


async def test_a_file_that_is_not_there_leads_to_those_that_are(
    browser: Browser, people: People
) -> None:
    image = await people.push_image(b"one", "latest")
    place = f"{PATH}/-/images/{image.digest}"
    shown = await browser.get(f"{place}/layers/1/file?path=etc/none")
    assert (shown.status, "There is no such file" in shown.text) == (404, True)
    assert {place, f"{place}/files", PATH} <= set(shown.links)
    nowhere = f"{PATH}/-/images/sha256:{'a' * 64}"
    shown = await browser.get(f"{nowhere}/files")
    assert (shown.status, nowhere in shown.links, PATH in shown.links) == (404, False, True)


async def test_who_signed_out_elsewhere_is_brought_back_to_the_question(
    visitor: Browser, people: People
) -> None:
    """And not to what it had sent: that is done by nobody without a look."""
    await people.push_image(b"one", "latest")
    await visitor.sign_in("deleter")
    form = (await visitor.get(f"{TAG}/delete")).form(f"{TAG}/delete")
    await visitor.post("/-/sign-out", (await visitor.get("/")).form("/-/sign-out"))
    for sent, page in (
        (f"{TAG}/delete", f"{TAG}/delete"),
        (f"{TAG}/move", f"{TAG}/history"),
        ("/-/robots/revoke", "/-/robots"),
    ):
        answer = await visitor.post(sent, form)
        assert answer.status == 303
        assert answer.headers["location"] == f"/-/sign-in?next={quote(page, safe='')}"
    assert await people.has("latest")


async def test_a_form_that_is_too_old_leads_to_its_page(visitor: Browser, people: People) -> None:
    """Which has one of now; to go back would show the old one again."""
    image = await people.push_image(b"one", "latest")
    await people.delete(image.digest)
    old = (await visitor.get("/-/sign-in")).form("/-/sign-in")
    await visitor.sign_in("writer")
    for sent, page in (
        ("/-/trash/restore", "/-/trash"),
        ("/-/sign-out", "/"),
        ("/-/sign-in", "/-/sign-in"),
        (f"{TAG}/move", f"{TAG}/history"),
    ):
        answer = await visitor.post(sent, {**old, "csrf": "0" * 64})
        assert (answer.status, page in answer.links) == (403, True), sent
        assert "load its page again" in answer.text


async def test_who_signs_in_from_a_page_comes_back_to_it(visitor: Browser, people: People) -> None:
    await people.push_image(b"one", "latest")
    for page, back in (
        ("/-/events?kind=pulls", "/-/events?kind=pulls"),
        ("/-/trash?done=tag-deleted", "/-/trash"),
        ("/-/nowhere", "/-/nowhere"),
    ):
        shown = await visitor.get(page)
        assert f"/-/sign-in?next={quote(back, safe='')}" in shown.links
        assert ("Sign in to see what you may pull" in shown.text) is (shown.status == 200)
    assert "/-/sign-in" in (await visitor.get("/?done=signed-out")).links
    await visitor.sign_in("reader")
    assert "to see what you may pull" not in (await visitor.get("/-/trash")).text


async def test_a_repository_or_a_tag_of_the_name_of_a_form_is_come_back_to(
    visitor: Browser,
) -> None:
    for page in ("/r/team/move", f"{PATH}/-/tags/move", f"{PATH}/move"):
        shown = await visitor.get(page)
        assert shown.headers["location"] == f"/-/sign-in?next={quote(page, safe='')}"


async def test_an_error_leads_nobody_to_what_they_may_not_see(
    visitors: Callable[[], Browser], people: People
) -> None:
    await people.push_image(b"one", "latest")
    visitor = visitors()
    await visitor.sign_in("outsider")
    shown = await visitor.get(f"{TAG}/history")
    assert (shown.status, PATH in shown.links) == (403, False)
    reader = visitors()
    await reader.sign_in("reader")
    assert PATH in (await reader.get(f"{PATH}/-/tags/none")).links


async def test_who_may_not_restore_is_told_who_may(
    visitors: Callable[[], Browser], people: People
) -> None:
    image = await people.push_image(b"one", "latest")
    await people.delete(image.digest)
    for name, is_told in (("deleter", True), ("writer", False)):
        visitor = visitors()
        await visitor.sign_in(name)
        shown = await visitor.get("/-/trash")
        assert ("who may push restores it" in shown.text) is is_told

"""Space, trash, history, events and robots in a real browser: each action, and for everyone."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lading.wiring.paths import metadata_path
from tests.support.guarded import Guarded, basic
from tests.support.rows import open_metadata
from tests.ui.browser.windows import Chromium, Theme, Window

pytestmark = pytest.mark.e2e


async def count(root: Path) -> None:
    """Count what a registry has, as its job does within a minute."""
    metadata = open_metadata(metadata_path(root))
    ids = await metadata.figures.begin(after=0, limit=1000)
    counted = {id_: await metadata.figures.count(id_, now=time.time()) for id_ in ids}
    await metadata.figures.store(counted)
    await metadata.samples.add(await metadata.samples.take(uploads=0, now=time.time()))
    await metadata.close()


@pytest.fixture(scope="module")
def counted_house(guarded_house: Guarded) -> Guarded:
    """The guarded registry, of which all figures are known."""
    with ThreadPoolExecutor(1) as elsewhere:  # Playwright's loop runs in this thread
        elsewhere.submit(asyncio.run, count(guarded_house.lading.root)).result()
    return guarded_house


@pytest.fixture
def admin(chromium: Chromium, counted_house: Guarded) -> Iterator[Window]:
    """A window of who runs the registry, without scripts."""
    with chromium.window(counted_house.client.host, scripts=False) as window:
        window.sign_in("admin")
        yield window


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_pages_about_all_repositories(
    chromium: Chromium, counted_house: Guarded, theme: Theme
) -> None:
    with chromium.window(counted_house.client.host, width=360) as window:
        window.sign_in("admin")
        for path in ("space", "trash", "events", "events?kind=pulls", "robots", "users"):
            assert window.go(f"/-/{path}") == 200
            assert window.violations(theme) == [], path
            assert window.page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_space_draws_what_its_tables_say(admin: Window) -> None:
    """The shapes are there without a script, and the numbers are."""
    admin.go("/-/space")
    assert admin.page.locator(".treemap rect").count() > 3
    assert admin.page.get_by_role("rowheader", name="Tagged", exact=True).count() == 1
    assert admin.page.get_by_role("link", name="team/service").count() == 1
    assert admin.page.locator(".growth-line").count() == 1


def test_a_deleted_tag_is_restored_and_moved_back(admin: Window, counted_house: Guarded) -> None:
    path, auth = "/v2/team/service/manifests", basic("admin")
    ask = counted_house.client.ask
    other = ask("GET", f"{path}/1.9.0", b"", authorization=auth)
    kind = other.headers["content-type"]
    for version in ("1.10.0", "1.9.0"):
        body = ask("GET", f"{path}/{version}", b"", authorization=auth).body
        sent = ask("PUT", f"{path}/moved", body, authorization=auth, content_type=kind)
        assert sent.status == 201
    page = admin.page
    admin.go("/r/team/service/-/tags/moved/history")
    page.get_by_role("button", name="Move back here").click()
    assert page.get_by_text("now", exact=True).count() == 1
    assert page.locator(".timeline li").count() == 3
    assert ask("DELETE", f"{path}/moved", b"", authorization=auth).status == 202
    admin.go("/-/trash")
    page.get_by_role("button", name="Restore team/service moved").click()
    assert page.get_by_role("status").inner_text() == "It was restored, with its tags."
    assert ask("GET", f"{path}/moved", b"", authorization=auth).status == 200


def test_a_login_for_a_build_server_is_made_without_scripts(admin: Window) -> None:
    page = admin.page
    admin.go("/-/robots")
    page.get_by_label("Name").fill("build-server")
    page.get_by_label("Repositories").fill("team/**")
    page.get_by_label("push").check()
    page.get_by_role("button", name="Make the robot").click()
    assert page.get_by_text("lading_").count() == 1
    page.get_by_role("link", name="I have copied it").click()
    assert page.get_by_text("lading_").count() == 0
    page.get_by_text("Revoke robot+build-server").click()
    page.get_by_role("button", name="Revoke for good").click()
    assert page.get_by_role("status").inner_text() == "The robot was revoked."

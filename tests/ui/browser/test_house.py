"""Pages in a real browser: with scripts and without, small and large, light and dark."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.guarded import Guarded, basic
from tests.support.lading import Lading
from tests.support.pushes import Repository
from tests.ui.browser.cargo import PushingClient, push_image
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

PATHS = ("/", "/r/team/service", "/r/team/gateway", "/r/team/service/-/tags/1.9.0/delete")
OTHER_PATHS = ("/?in=team/&sort=size", "/?q=nothing-has-this", "/r/team/only-by-digest")


def open_all(window: Window, selector: str) -> None:
    """Open all that opens on a page."""
    window.page.evaluate(f"document.querySelectorAll('{selector}').forEach((of) => of.open = true)")


@pytest.mark.parametrize("path", PATHS)
def test_everyone_can_use_a_page(window: Window, path: str) -> None:
    assert window.go(path) == 200
    open_all(window, "details.plain")
    assert [*window.violations("light"), *window.violations("dark")] == []


def test_everyone_can_sign_in(guarded_window: Window) -> None:
    guarded_window.go("/-/sign-in")
    assert [*guarded_window.violations("light"), *guarded_window.violations("dark")] == []


def test_nothing_is_wider_than_the_window(chromium: Chromium, open_house: Lading) -> None:
    """On a phone, with the longest names, and with all that opens opened."""
    with chromium.window(open_house.host, width=360) as window:
        for path in (*PATHS, *OTHER_PATHS, *_long_paths(open_house)):
            window.go(path)
            open_all(window, "details")
            width = window.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, path


def _long_paths(registry: Lading) -> list[str]:
    names = registry.client.ask("GET", "/v2/_catalog").json["repositories"]
    return [f"/r/{name}" for name in names if len(name) > 50]


def test_what_is_typed_is_found(window: Window) -> None:
    page = window.page
    window.go("/")
    page.get_by_label("Search names and tags").press_sequentially("servi")
    found = page.locator(".found a")
    expect(found).to_have_text(["team/service"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("team/service")


def test_without_a_script_a_search_is_a_form(chromium: Chromium, open_house: Lading) -> None:
    with chromium.window(open_house.host, scripts=False) as window:
        window.go("/")
        window.page.get_by_label("Search names and tags").fill("servi")
        window.page.get_by_role("button", name="Search").click()
        expect(window.page.locator("tbody th a")).to_have_text(["team/service"])


def test_tags_are_filtered_while_typing(window: Window) -> None:
    window.go("/r/team/service")
    window.page.get_by_label("Filter tags").fill("rc")
    expect(window.page.locator("#tags tbody:visible")).to_have_count(1)


def test_times_are_the_readers_own(window: Window) -> None:
    window.go("/r/team/service")
    time = window.page.locator("#tags time").first
    expect(time).to_have_text(re.compile("ago|now"))
    assert "CET" in (time.get_attribute("title") or "")


def test_a_line_is_copied(window: Window) -> None:
    window.go("/r/team/service")
    window.page.get_by_role("button", name="Copy the command for Docker", exact=True).click()
    expect(window.page.locator(".copy button").first).to_have_text(re.compile("Copied|Selected"))


def test_the_images_of_an_index_open(window: Window) -> None:
    window.go("/r/team/gateway")
    window.page.get_by_text("2 platforms").first.click()
    expect(window.page.get_by_text("linux/arm64").first).to_be_visible()


def test_what_was_pushed_runs_nothing(window: Window) -> None:
    window.go("/r/public/hostile")
    assert "owned" not in window.page.title()


@pytest.mark.parametrize("scripts", [True, False])
def test_who_signs_in_deletes_a_tag(
    chromium: Chromium, guarded_house: Guarded, scripts: bool
) -> None:
    host = guarded_house.client.host
    name = f"team/deleted-{scripts}".lower()
    client = PushingClient(host, authorization=basic("admin"))
    push_image(Repository(client, name), "latest", "v1", version=name)
    with chromium.window(host, scripts=scripts) as window:
        page = window.page
        window.go(f"/r/{name}")
        assert "/-/sign-in" in page.url
        page.fill("input[name=name]", "deleter")
        page.fill("input[name=password]", "wrong")
        window.expected.append("403")
        page.click("main button[type=submit]")
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        page.fill("input[name=password]", "deleter-password")
        page.click("main button[type=submit]")
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.locator("details.menu-of > summary").first.click()
        page.get_by_role("link", name="Tag v1 …").click()
        page.get_by_role("button", name="Delete the tag").click()
        expect(page.get_by_role("status").first).to_have_text("The tag was deleted.")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert client.ask("GET", f"/v2/{name}/tags/list").json["tags"] == ["latest"]

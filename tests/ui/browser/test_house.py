"""What scripts add to pages, in a real browser; and that what was pushed adds none."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.lading import Lading
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e


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
    expect(window.page.locator("main > [role=status]")).to_have_text(re.compile("Copied|Selected"))


def test_the_images_of_an_index_open(window: Window) -> None:
    window.go("/r/team/gateway")
    window.page.get_by_text("2 platforms").first.click()
    expect(window.page.get_by_text("linux/arm64").first).to_be_visible()


def test_what_was_pushed_runs_nothing(window: Window) -> None:
    window.go("/r/public/hostile")
    assert "owned" not in window.page.title()

"""Two images beside each other in a real browser: without a script, on a phone."""

import time

import pytest
from playwright.sync_api import expect

from tests.support.lading import Lading
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

COMPARE = "/r/team/service/-/compare"
# Seconds in which two small images are looked into.
PATIENCE = 20


def go_to_files(window: Window) -> None:
    """Go to the files of two images, once these are known."""
    end = time.monotonic() + PATIENCE
    window.go(f"{COMPARE}/files?from=1.9.0&to=1.10.0")
    while window.page.get_by_text("Look again").count():
        assert time.monotonic() < end
        time.sleep(0.3)
        window.go(f"{COMPARE}/files?from=1.9.0&to=1.10.0")


def test_images_are_compared_without_a_script(chromium: Chromium, open_house: Lading) -> None:
    with chromium.window(open_house.host, scripts=False, width=360) as window:
        page = window.page
        window.go("/r/team/service/-/tags/1.9.0")
        page.get_by_role("link", name="Compare", exact=True).click()
        page.get_by_label("With", exact=True).fill("1.10.0")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("row").filter(has_text="environment")).to_contain_text("1.10.0")
        page.get_by_role("link", name="Files that differ").click()
        go_to_files(window)
        expect(page.get_by_role("row").filter(has_text="srv/service")).to_contain_text("changed")

"""Pages with nothing but a keyboard: in the order in which one reads, with no way to get stuck."""

from itertools import pairwise
from typing import Any

import pytest

from tests.ui.browser.house import House
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

# More than any page has of what can be reached.
MOST = 300
# Pixels that are less than two rows of the header.
ROW = 70
# What can be reached; of a group of radio buttons one can.
EXPECTED = """
window.reachable = [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled);
window.reached = [];
window.reachable.length
"""
# Where the focus is now, and how that can be seen; null if it is nowhere, or where it began.
REACHED = """
(() => {
  const here = document.activeElement, last = window.reached.at(-1);
  if (here === document.body || here === window.reached[0]) return null;
  const box = here.getBoundingClientRect(), style = getComputedStyle(here);
  window.reached.push(here);
  return {
    name: (here.innerText || here.getAttribute("aria-label") || here.name || here.tagName).trim(),
    follows: !last || !!(last.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    shown: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    left: box.left, top: box.top + scrollY, bottom: box.bottom + scrollY,
  };
})()
"""
MISSED = """
window.reachable.filter((one) => !window.reached.includes(one)).map((one) => one.outerHTML)
"""


def walk(window: Window) -> list[dict[str, Any]]:
    """Press the tabulator until all has been reached; what was, in that order."""
    reached: list[dict[str, Any]] = []
    window.page.evaluate("document.activeElement.blur()")
    assert window.page.evaluate(EXPECTED) < MOST
    for _ in range(MOST):
        window.page.keyboard.press("Tab")
        here = window.page.evaluate(REACHED)
        if here is None:
            return reached
        reached.append(here)
    pytest.fail(f"there is no way out of {reached[-1]}")


def is_above(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether one thing is where somebody has read before who comes to the other."""
    return bool(one["bottom"] <= other["top"] and one["left"] <= other["left"])


@pytest.mark.parametrize("width", [360, 1280])
def test_all_is_reached_in_the_order_in_which_one_reads(
    chromium: Chromium, guarded_house: House, width: int
) -> None:
    """That it is where one sees it, and that one sees where one is."""
    if guarded_house.stored:
        return  # what pages look like does not depend on where the data is
    pages = guarded_house.addresses()
    with chromium.window(guarded_house.host, width=width) as window:
        window.sign_in("admin")
        for name in sorted(pages.keys() - {"ui_static", "ui_layer_download", "ui_sign_in"}):
            window.go(pages[name])
            if not window.is_html:
                continue
            reached = walk(window)
            assert reached[0]["name"] == "Skip to content"
            assert window.page.evaluate(MISSED) == [], name
            for here in reached:
                assert all(here[what] for what in ("follows", "ring", "shown")), (name, here)
            for before, here in pairwise(reached[1:]):
                assert not is_above(here, before), (name, before, here)


def test_what_everybody_skips_is_skipped(window: Window) -> None:
    window.go("/r/team/service")
    window.page.keyboard.press("Tab")
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("Tab")
    inside = "document.querySelector('main').contains(document.activeElement)"
    assert window.page.evaluate(inside)


def test_a_menu_opens_and_closes_by_keys(window: Window) -> None:
    window.go("/r/team/service")
    summary = window.page.locator("details.menu-of > summary").first
    summary.focus()
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("Tab")
    inside = "document.activeElement.closest('details.menu-of > ul') !== null"
    assert window.page.evaluate(inside)
    window.page.keyboard.press("Shift+Tab")
    window.page.keyboard.press("Space")
    assert not window.page.locator("details.menu-of > ul").first.is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_pages_are_in_a_menu_where_they_have_no_room_beside_each_other(
    chromium: Chromium, guarded_house: House, scripts: bool
) -> None:
    """The header of an admin, who has the most of them, is a row on a phone."""
    if guarded_house.stored:
        return  # what pages look like does not depend on where the data is
    with chromium.window(guarded_house.host, scripts=scripts, width=360) as window:
        window.sign_in("admin")
        window.go("/-/space")
        header = window.page.locator("header.top")
        box = header.bounding_box()
        assert box is not None
        assert box["height"] < ROW
        users = header.get_by_role("link", name="Users")
        assert not users.is_visible()
        header.locator("summary").focus()
        window.page.keyboard.press("Enter")
        assert header.get_by_role("link").filter(visible=True).all_inner_texts()[1:] == [
            "Repositories",
            "Space",
            "Trash",
            "Events",
            "Robots",
            "Users",
        ]
        if scripts:
            assert window.violations() == []
        users.filter(visible=True).focus()
        window.page.keyboard.press("Enter")
        window.page.wait_for_url("**/-/users")

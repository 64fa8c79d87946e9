"""What is rare, in a real browser on a phone: nothing is cut, covered or wider than the window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.lading import Lading, lading_serve
from tests.ui.browser.curios import ATTACHED, MANY, ODD, collect_curios
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e

# Pixels of a phone, of a tablet, of most screens.
WIDTHS = (360, 768, 1280)
# That a page with every text too long has at most, on a phone.
SCREENS = 8
# In how many lines the longest piece of a text is that may not break.
PIECES = """
(cells) => cells.map((cell) => {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), lines = [];
  while (walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    lines.push(new Set([...range.getClientRects()].map((box) => box.top)).size);
  }
  return Math.max(...lines);
})
"""


@pytest.fixture(scope="module")
def cabinet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lading]:
    """A registry that has it, and has found out what is in it."""
    directory: Path = tmp_path_factory.mktemp("curios")
    with lading_serve(directory) as registry:
        collect_curios(registry.client)
        yield registry


@pytest.fixture(scope="module")
def places(cabinet: Lading) -> tuple[str, ...]:
    """The addresses of what is looked at."""
    image = f"/r/{ODD}/-/images/{cabinet.digest(ODD, '1.0')}"
    return (
        f"/r/{ATTACHED}",
        f"/r/{ATTACHED}/-/tags/1.0",
        f"/r/{ATTACHED}/-/tags/about-1",
        f"/r/{ODD}",
        f"/r/{ODD}/-/tags/1.0",
        f"/r/{ODD}/-/tags/{'v' * 128}/delete",
        f"/r/{ODD}/-/compare?from=1.0&to={'v' * 128}",
        f"/r/{ODD}/-/compare/files?from=1.0&to={'v' * 128}",
        f"/r/{MANY}/-/tags/1.0",
        f"/r/{MANY}/-/compare?from=1.0&to=2.0",
        f"{image}/files",
        f"{image}/files?path=etc",
        f"{image}/files?q=e",
        f"{image}/layers/2/files?path=bin",
        f"{image}/layers/2/file?path={'a/' * 60}deep",
        f"{image}/raw",
        "/-/events",
        "/-/space",
        f"/r/{ODD}/-/compare?from=1.0&to=1.0",
        "/-/robots",
        "/-/users",
    )


def go(window: Window, place: str) -> None:
    """Go to a page, once all is known that it shows."""
    assert window.go(place) == 200, place
    reading = window.page.get_by_text("read in the background")
    for _ in range(100):
        if not reading.count():
            return
        window.page.wait_for_timeout(200)
        window.go(place)
    pytest.fail(f"{place} is not known")


@pytest.mark.parametrize("width", WIDTHS)
def test_all_has_room(
    chromium: Chromium, cabinet: Lading, places: tuple[str, ...], width: int
) -> None:
    with chromium.window(cabinet.host, width=width) as window:
        for place in places:
            go(window, place)
            window.open_all()
            assert not window.is_wider(), place
            assert window.squeezed() == [], place
            assert window.cut() == [], place
            assert window.touching() == [], place


def test_everyone_can_use_it(chromium: Chromium, cabinet: Lading, places: tuple[str, ...]) -> None:
    """With a finger, too: what it is to meet is large enough, or apart from all else."""
    with chromium.window(cabinet.host, width=360) as window:
        for place in places:
            go(window, place)
            window.open_all()
            assert window.violations() == [], place


def test_a_text_without_end_takes_a_few_lines_until_it_is_opened(
    chromium: Chromium, cabinet: Lading
) -> None:
    with chromium.window(cabinet.host, width=360) as window:
        for place in (
            f"/r/{ODD}/-/tags/1.0",
            f"/r/{ODD}/-/compare?from=1.0&to={'v' * 128}",
        ):
            window.go(place)
            before = window.page.evaluate("document.documentElement.scrollHeight")
            assert before < SCREENS * 900
            window.page.locator("details.long > summary").first.click()
            assert window.page.evaluate("document.documentElement.scrollHeight") > before


def test_a_platform_breaks_at_its_slash(chromium: Chromium, cabinet: Lading) -> None:
    with chromium.window(cabinet.host, width=360) as window:
        for place in (f"/r/{MANY}/-/tags/1.0", f"/r/{MANY}/-/compare?from=1.0&to=2.0"):
            window.go(place)
            said = window.page.locator("tbody th").all_inner_texts()
            assert {line.replace("\n", "") for line in said} == {"linux/amd64", "linux/arm64"}
            assert set(window.page.locator("tbody th").evaluate_all(PIECES)) <= {1}, place


def test_what_is_wrong_with_a_field_is_below_it(chromium: Chromium, cabinet: Lading) -> None:
    with chromium.window(cabinet.host, width=360) as window:
        window.go(f"/r/{MANY}/-/compare?from=1.0&to=none")
        field = window.page.locator("input[name=to]").bounding_box()
        said = window.page.get_by_text("There is no such image here.").bounding_box()
        button = window.page.get_by_role("button", name="Compare").bounding_box()
        assert field is not None
        assert said is not None
        assert button is not None
        assert field["y"] + field["height"] <= said["y"]
        assert said["y"] + said["height"] <= button["y"]


def test_a_name_and_what_is_said_of_it_are_two_words(chromium: Chromium, cabinet: Lading) -> None:
    with chromium.window(cabinet.host) as window:
        go(window, f"/r/{ODD}/-/images/{cabinet.digest(ODD, '1.0')}/files?path=etc")
        rows = window.page.locator("table").first.locator("tbody tr")
        for said in ("other is the same file as", "loop → loop2", "null device", "pipe pipe"):
            expect(rows.filter(has_text=said)).to_have_count(1)


def test_a_key_goes_to_the_search(chromium: Chromium, cabinet: Lading) -> None:
    """With Ctrl; a letter alone is no command. What is written in a field stays what it is."""
    with chromium.window(cabinet.host) as window:
        for place in ("/", f"/r/{ODD}", f"/r/{ODD}/-/images/{cabinet.digest(ODD, '1.0')}/files"):
            window.go(place)
            field = window.page.locator("main input[type=search]")
            for letter in ("/", "k", "K"):
                window.page.keyboard.press(letter)
                expect(field).not_to_be_focused()
            window.page.keyboard.press("Control+k")
            expect(field).to_be_focused()
            window.page.keyboard.type("a/k")
            expect(field).to_have_value("a/k")
        window.go("/-/space")
        window.page.keyboard.press("Control+k")


def test_escape_closes_menus(chromium: Chromium, cabinet: Lading) -> None:
    """So does a click beside one."""
    with chromium.window(cabinet.host, width=360) as window:
        window.go(f"/r/{ATTACHED}")
        for menu in ("header details", "details.menu-of"):
            summary = window.page.locator(f"{menu} > summary").first
            first = window.page.locator(f"{menu} a").first
            summary.click()
            expect(first).to_be_visible()
            first.focus()
            window.page.keyboard.press("Escape")
            expect(first).not_to_be_visible()
            expect(summary).to_be_focused()
            summary.click()
            window.page.mouse.click(2, 890)
            expect(first).not_to_be_visible()


def test_enter_finds_what_was_typed(chromium: Chromium, cabinet: Lading) -> None:
    """Tags, too, and nothing that was found before is left over it."""
    with chromium.window(cabinet.host, scripts=False) as window:
        window.go("/")
        window.page.get_by_label("Search names and tags").fill("about-")
        window.page.keyboard.press("Enter")
        window.page.get_by_role("link", name=f"{ATTACHED}:about-1").click()
        expect(window.page.get_by_role("heading", level=1)).to_have_text(f"{ATTACHED}:about-1")

"""Windows of a real browser, each as if it was the first one that a person opens."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.support.commands import CACHE, missing

# Milliseconds after which what does not come fails a test.
TIMEOUT = 10_000
Theme = Literal["light", "dark"]


_SQUEEZED = """
[...document.querySelectorAll("th, td, dd")].flatMap((cell) => {
  const style = getComputedStyle(cell), said = cell.innerText.trim();
  const room = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const isSeen = cell.checkVisibility() && !cell.querySelector(".hidden-label");
  return isSeen && said.length > 2 && room < 20 ? [said] : [];
})
"""

_CUT = """
[...document.querySelectorAll(".sheet, .notice")].flatMap((sheet) => {
  const edge = sheet.getBoundingClientRect().right + 1;
  return [...sheet.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && !one.closest(".hidden-label, .scroll, .menu-of, svg")
      && !one.closest("pre, .copy code") && one.getBoundingClientRect().right > edge)
    .map((one) => one.outerHTML.slice(0, 100));
})
"""

_TOUCHING = """
(() => {
  const boxes = [...document.querySelectorAll(".sheet, .notice")]
    .filter((box) => box.checkVisibility()).map((box) => [box, box.getBoundingClientRect()]);
  return boxes.flatMap(([box, above]) => boxes
    .filter(([other, below]) => !box.contains(other) && below.top >= above.bottom - 1
      && below.top < above.bottom + 8 && below.left < above.right && above.left < below.right)
    .map(([other]) => `${box.className} and ${other.className}`));
})()
"""


@dataclass
class Window:
    """A window, and whatever went wrong in it.

    Attributes:
        page: Playwright's.
        origin: where the registry is, up to the paths of its pages.
        wrong: complaints in the console, errors of scripts, requests to other addresses.
        expected: parts of complaints that are to be, such as of an answer's status.
        posted: paths that forms were sent to.
    """

    page: Page
    origin: str
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.set_default_timeout(TIMEOUT)
        page.on("console", lambda said: self._complain(said.type, said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", self._look_at)

    def go(self, path: str) -> int:
        """Go to a path; the status of the answer."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None
        return answer.status

    def sign_in(self, name: str) -> None:
        """Sign in as a user whose password is the name, and "-password"."""
        self.go("/-/sign-in")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", f"{name}-password")
        self.page.click("main button[type=submit]")

    @property
    def is_html(self) -> bool:
        """Whether it shows a page, rather than what a program reads."""
        return bool(self.page.evaluate("document.contentType") == "text/html")

    def open_all(self) -> None:
        """Open all that opens on the page."""
        self.page.evaluate("document.querySelectorAll('details').forEach((of) => of.open = true)")

    def is_wider(self) -> bool:
        """Whether one has to scroll to the side."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def squeezed(self) -> Sequence[str]:
        """Words in tables and facts that are so narrow that hardly a letter is beside another."""
        found: Sequence[str] = self.page.evaluate(_SQUEEZED)
        return found

    def cut(self) -> Sequence[str]:
        """What sticks out of its sheet, where nothing scrolls."""
        found: Sequence[str] = self.page.evaluate(_CUT)
        return found

    def touching(self) -> Sequence[str]:
        """Sheets and notices that follow each other without room between them."""
        found: Sequence[str] = self.page.evaluate(_TOUCHING)
        return found

    def violations(self) -> Sequence[str]:
        """What axe finds wrong for those who do not see, hear or move as most do, in both themes.

        Of the theme, colours alone depend.
        """
        source = CACHE / "axe.min.js"
        if not source.exists():
            missing("needs axe-core: run `make e2e-tools`")
        self.page.evaluate(source.read_text())
        return [*self._violations("light"), *self._violations("dark", "color-contrast")]

    def _violations(self, theme: Theme, *rules: str) -> Sequence[str]:
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        options: dict[str, Any] = {
            "resultTypes": ["violations"],  # it looks no closer at the rest
            "rules": {
                "target-size": {"enabled": True}
            },  # of WCAG 2.2, which it leaves out by itself
        }
        if rules:
            options["runOnly"] = list(rules)
        found: dict[str, Any] = self.page.evaluate(
            "(options) => axe.run(document, options)", options
        )
        return [
            f"{theme}: {wrong['id']}: {node['html'][:200]} {json.dumps(node['any'][:1])[:300]}"
            for wrong in found["violations"]
            for node in wrong["nodes"]
        ]

    def _complain(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(part in text for part in self.expected):
            self.wrong.append(text)

    def _look_at(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.wrong.append(f"asked for {request.url}")
        if request.method == "POST":
            self.posted.append(urlsplit(request.url.removeprefix(self.origin)).path)


@dataclass(frozen=True)
class Chromium:
    """A browser that was started."""

    browser: Browser

    @contextmanager
    def window(
        self,
        host: str,
        *,
        scripts: bool = True,
        width: int = 1280,
        theme: Theme = "light",
        scheme: str = "http",
    ) -> Iterator[Window]:
        """A window for the length of the block; nothing may have gone wrong in it.

        Args:
            host: of the registry, with the path of its pages if they have one.
            scripts: whether pages run theirs.
            width: in pixels.
        """
        context = self.browser.new_context(
            java_script_enabled=scripts,
            color_scheme=theme,
            viewport={"width": width, "height": 900},
            timezone_id="Europe/Vienna",
            locale="en-GB",
            ignore_https_errors=True,
        )
        try:
            window = Window(context.new_page(), f"{scheme}://{host}")
            yield window
            assert window.wrong == []
        finally:
            context.close()


@contextmanager
def open_chromium(*more: str) -> Iterator[Chromium]:
    """The browser, for the length of the block.

    Args:
        more: arguments of its command line.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", *more]
        )
        try:
            yield Chromium(browser)
        finally:
            browser.close()

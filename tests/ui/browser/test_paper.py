"""Pages on paper: black on white in either theme, whole, without what cannot be pressed there."""

import pytest

from tests.ui.browser.house import OTHERS, House
from tests.ui.browser.windows import Chromium

pytestmark = pytest.mark.e2e

# Pixels of A4's width between margins.
PAPER = 680
# What is wrong with a page on paper.
WRONG = """
(() => {
  const wrong = [], seen = (one) => one.checkVisibility({visibilityProperty: true});
  for (const name of ["--paper", "--sheet"]) {
    const colour = getComputedStyle(document.documentElement).getPropertyValue(name);
    if (!/^#f+$/.test(colour)) wrong.push(`${name} is ${colour}`);
  }
  for (const one of document.querySelectorAll("main form, main button, .menu, .person, .pager"))
    if (seen(one)) wrong.push(`is there: ${one.outerHTML.slice(0, 80)}`);
  for (const one of document.querySelectorAll("main details:not(.menu-of) > :not(summary)"))
    if (!seen(one)) wrong.push(`is closed: ${one.outerHTML.slice(0, 80)}`);
  for (const one of document.querySelectorAll("main, main *:not(svg *, .hidden-label)"))
    if (seen(one) && getComputedStyle(one).overflowX !== "visible"
        && one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
      wrong.push(`is cut: ${one.outerHTML.slice(0, 80)}`);
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("is wider than the paper");
  return wrong;
})()
"""


def test_each_page_is_whole_on_paper(chromium: Chromium, guarded_house: House) -> None:
    if guarded_house.stored:
        return  # what pages look like does not depend on where the data is
    pages = guarded_house.addresses()
    names = sorted(pages.keys() - {"ui_static", "ui_layer_download", "ui_sign_in"})
    with chromium.window(guarded_house.host, width=PAPER, theme="dark") as window:
        window.sign_in("admin")
        window.page.emulate_media(media="print", color_scheme="dark")
        for path in (*(pages[name] for name in names), *OTHERS):
            window.go(path)
            if window.is_html:
                assert window.page.evaluate(WRONG) == [], path
                assert window.squeezed() == [], path


def test_a_time_on_paper_is_the_exact_one(chromium: Chromium, guarded_house: House) -> None:
    with chromium.window(guarded_house.host) as window:
        window.go("/r/public/tool")
        window.page.emulate_media(media="print")
        script = "getComputedStyle(document.querySelector('main time'), '::after').content"
        assert window.page.evaluate(script).startswith('"20')

"""Pages are written a piece at a time, and others have their turn in between."""

import pytest

from lading.system import threads
from lading.ui import rendering
from tests.support.contents import HELLO
from tests.support.people import People
from tests.support.turns import others
from tests.ui.browsing import Browser


async def test_others_have_their_turn_while_a_page_is_written(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "TURN", 0.0)
    for number in range(30):
        await people.push_image(b"%d" % number, f"v{number}")
    await browser.get(f"/r/{HELLO}")  # its template is compiled in a thread, beside others
    with others() as waiting:
        shown = await browser.get(f"/r/{HELLO}")
    assert shown.status == 200
    assert "v29" in shown.text
    assert waiting.turns > 300


async def test_a_page_that_fails_halfway_is_a_page_that_says_so(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it has been sent by then."""

    def fail(count: int) -> str:
        raise ZeroDivisionError(count)

    await people.push_image(b"one", "latest")
    monkeypatch.setitem(rendering.templates().environment.filters, "size", fail)
    shown = await browser.get(f"/r/{HELLO}/-/tags/latest")
    assert shown.status == 500
    assert "Something went wrong here" in shown.text

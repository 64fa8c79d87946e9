"""A real browser, one for the tests of a file, and registries that were filled by pushes.

Whatever a test looks at must not complain in the console, break the policy of the page, or ask for
anything at another address; the fixtures hold that at the end of each test.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import require
from tests.support.guarded import Guarded, basic, guarded_registry
from tests.support.lading import Lading, lading_serve
from tests.ui.browser.cargo import PushingClient, fill
from tests.ui.browser.windows import Chromium, Window, open_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """The browser; a test opens windows in it.

    While it is there an event loop runs in this thread, beside which no other can: so it is gone
    before the tests of another file begin.
    """
    require("chromium")
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="package")
def open_house() -> Iterator[Lading]:
    """A registry where everybody may do everything; `cargo.fill` says what it holds."""
    with tempfile.TemporaryDirectory() as directory, lading_serve(Path(directory)) as registry:
        fill(registry.client)
        yield registry


@pytest.fixture(scope="package")
def guarded_house() -> Iterator[Guarded]:
    """A registry with users (see `tests/support/guarded`), with the same contents."""
    with (
        tempfile.TemporaryDirectory() as directory,
        guarded_registry(Path(directory), limits={"failedlogins": 1000}) as registry,
    ):
        fill(PushingClient(registry.client.host, authorization=basic("admin")))
        yield registry


@pytest.fixture
def window(chromium: Chromium, open_house: Lading) -> Iterator[Window]:
    """A window of the open registry's pages."""
    with chromium.window(open_house.host) as window:
        yield window


@pytest.fixture
def guarded_window(chromium: Chromium, guarded_house: Guarded) -> Iterator[Window]:
    """A window of the guarded registry's pages; nobody is signed in."""
    with chromium.window(guarded_house.client.host) as window:
        yield window

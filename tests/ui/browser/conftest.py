"""A real browser, one for the tests of a file, and registries that real clients have pushed to.

Whatever a test looks at must not complain in the console, break the policy of the page, or ask for
anything at another address; the fixtures hold that at the end of each test.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.commands import require
from tests.support.docker import Docker
from tests.support.guarded import guarded_registry
from tests.support.lading import Lading, lading_serve
from tests.support.pairs import ONE_MACHINE, PAIRS, Pair, one_machine, scaled_out
from tests.ui.browser.building import build_and_push
from tests.ui.browser.house import House
from tests.ui.browser.shipping import Dock, ship
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
def open_house(docker: Docker) -> Iterator[Lading]:
    """A registry where everybody may do everything; `cargo.pack` says what it holds."""
    with tempfile.TemporaryDirectory(prefix="lading-ui-") as name:
        directory = Path(name)
        with lading_serve(directory) as registry:
            ship(Dock(registry.host, directory / "home"))
            build_and_push(docker, registry.host)
            yield registry


@pytest.fixture(scope="package", params=PAIRS)
def guarded_house(request: pytest.FixtureRequest, docker: Docker) -> Iterator[House]:
    """A registry with users (see `tests/support/guarded`), on either pair of metadata and bytes.

    It has the same contents, of which all figures are known.
    """
    with tempfile.TemporaryDirectory(prefix="lading-ui-") as name:
        directory = Path(name)
        stored = _pair(request)(directory)
        with guarded_registry(directory, limits={"failedlogins": 1000}, **stored) as registry:
            house = House(registry, stored)
            dock = Dock(house.host, directory / "home")
            dock.log_in("admin")
            ship(dock)
            build_and_push(docker, house.host, "admin")
            with ThreadPoolExecutor(1) as elsewhere:  # Playwright's loop may run in this thread
                elsewhere.submit(asyncio.run, house.count()).result()
            yield house


def _pair(request: pytest.FixtureRequest) -> Pair:
    if request.param == ONE_MACHINE:
        return one_machine
    return scaled_out(request.getfixturevalue("postgresql"), request.getfixturevalue("s3_server"))


@pytest.fixture
def window(chromium: Chromium, open_house: Lading) -> Iterator[Window]:
    """A window of the open registry's pages."""
    with chromium.window(open_house.host) as window:
        yield window

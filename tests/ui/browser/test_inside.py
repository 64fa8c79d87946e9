"""What is in an image, in a real browser: read by the server itself, with and without scripts."""

import gzip
from collections.abc import Iterator

import pytest

from tests.support.lading import Lading
from tests.support.pushes import Repository
from tests.ui.browser.cargo import HOSTILE, config_of, layer, push_layers
from tests.ui.browser.windows import Chromium, Window

pytestmark = pytest.mark.e2e


def pushed(repository: Repository, *layers: bytes) -> str:
    """Push an image of these layers; the path of its page."""
    config = config_of("amd64", version="1")
    image = push_layers(repository, config, *layers)
    return f"/r/{repository.name}/-/images/{image['digest']}"


def bomb() -> bytes:
    """A layer of 100 MiB of zeros, in a tenth of a MiB."""
    return layer({"zeros": bytes(100 * 2**20)})


@pytest.fixture(scope="module")
def path(open_house: Lading) -> str:
    """An image whose author means harm."""
    name = HOSTILE.replace("/", "-")
    first = layer({"etc/motd": b"hello\n", name: HOSTILE.encode(), "data.bin": b"\0\1" * 500})
    second = layer({"etc/motd": b"changed\n", ".wh.data.bin": b"", "n" * 200: b""})
    garbage = gzip.compress(b"no archive")
    repository = Repository(open_house.client, "team/inside")
    return pushed(repository, first, second, bomb(), garbage)


@pytest.fixture
def plain(chromium: Chromium, open_house: Lading) -> Iterator[Window]:
    """A window without scripts."""
    with chromium.window(open_house.client.host, scripts=False) as window:
        yield window


def test_the_page_comes_to_show_what_is_inside_by_itself(plain: Window, path: str) -> None:
    assert plain.go(f"{path}/files") == 200
    page = plain.page
    page.get_by_role("link", name="etc/", exact=True).wait_for(timeout=30_000)
    page.get_by_text("Efficiency").wait_for(timeout=30_000)
    assert page.get_by_text("cut off").is_visible()
    assert page.get_by_text("cannot be listed").is_visible()
    page.get_by_role("link", name="etc/", exact=True).click()
    page.get_by_role("link", name="motd").click()
    assert page.locator("pre").inner_text() == "changed\n"
    page.go_back()
    page.go_back()
    with page.expect_download() as download:
        page.goto(f"{plain.origin}{path}/layers/1/file?path=data.bin")
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "data.bin"


def test_everyone_can_use_it_and_nothing_in_it_runs(window: Window, path: str) -> None:
    window.page.set_viewport_size({"width": 360, "height": 900})
    for place in ("files", "layers/2/files", "layers/1/file?path=etc/motd"):
        assert window.go(f"{path}/{place}") == 200
        assert window.violations() == [], place
        assert not window.is_wider(), place
        assert "owned" not in window.page.title()

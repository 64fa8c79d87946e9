"""The pages of what is in an image, also of one whose author means harm."""

import asyncio
import gzip
from collections.abc import Callable
from urllib.parse import quote

import pytest

from lading.blobs.stores import Stores
from lading.core.images.tree import DEEPEST
from lading.core.typing import T
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.options import EdgeOptions
from lading.metadata.layers.askings import Wanted
from lading.metadata.metadata import Metadata
from lading.ports.database import Work
from lading.services.shown import tree_jobs
from lading.ui.context import UiParts
from lading.ui.pages.inside import MOST_SHOWN
from tests.support.contents import HELLO, image
from tests.support.people import People
from tests.support.tars import archive
from tests.ui.browsing import Browser

SCRIPT = "<script>alert(1)</script>"
LOWER: dict[str, bytes | None] = {
    "etc/motd": b"hello <b>world</b>\n",
    "usr/bin/tool": b"\x7fELF\x00\x01" * 100,
    f"www/{SCRIPT}.html": f"{SCRIPT} & more".encode(),
    "old": b"o" * 5000,
    'quote"\n.txt': b"",
}
UPPER: dict[str, bytes | None] = {".wh.old": b"", "etc/motd": b"changed\n", "etc/new": b"n"}


async def push(people: People, *layers: bytes) -> str:
    for data in (b"config", *layers):
        await people.push_blob(data)
    return f"/r/{HELLO}/-/images/{await people.push(image(b'config', *layers), 'latest')}"


async def read(people: People, browser: Browser, path: str) -> None:
    """Look until the layers, and what they are together, were found out."""
    for _ in range(2):
        await browser.get(f"{path}/files")
        await tree_jobs.find_asked(people.registry, "worker")


@pytest.fixture
async def path(people: People, browser: Browser) -> str:
    """The path of an image of two layers, which have been read."""
    layers = [gzip.compress(archive(files), mtime=0) for files in (LOWER, UPPER)]
    path = await push(people, *layers)
    await read(people, browser, path)
    return path


async def test_a_page_loads_itself_again_while_layers_are_read(
    people: People, browser: Browser
) -> None:
    path = await push(people, archive(LOWER))
    shown = await browser.get(f"{path}/files")
    assert shown.status == 200
    assert shown.headers["refresh"] == "2"
    assert "being read" in shown.text
    await read(people, browser, path)
    shown = await browser.get(f"{path}/files")
    assert "refresh" not in shown.headers
    assert "being read" not in shown.text


async def test_nothing_is_written_down_while_the_registry_is_read_only(
    people: People, browser: Browser
) -> None:
    path = await push(people, archive(LOWER))
    await people.metadata.read_only.set(people.change())
    shown = await browser.get(f"{path}/files")
    assert shown.status == 200
    assert "they are read once it is not" in shown.text
    assert "refresh" not in shown.headers
    assert await people.metadata.askings.find_next(Wanted.TREE) is None


async def test_nor_by_a_server_that_is_configured_to_be(people: People) -> None:
    path = await push(people, archive(LOWER))
    browser = Browser(UiParts(people.registry, EdgeOptions(read_only=True)))
    shown = await browser.get(f"{path}/files")
    assert "they are read once it is not" in shown.text
    assert "refresh" not in shown.headers
    assert await people.metadata.askings.find_next(Wanted.TREE) is None


async def test_an_image_is_a_tree_of_links(browser: Browser, path: str) -> None:
    shown = await browser.get(f"{path}/files")
    assert f"{path}/files?path=etc" in shown.links
    assert "old" not in {word.strip() for word in shown.parsed.words}
    assert "Efficiency" in shown.text
    assert "/old" in shown.text  # what wastes the most
    inner = await browser.get(f"{path}/files?path=etc")
    assert f"{path}/layers/2/file?path=etc%2Fmotd" in inner.links
    assert f"{path}/layers/2/files?path=etc" in inner.links


async def test_no_waste_is_so_small_that_there_is_none(people: People, browser: Browser) -> None:
    """Beside what is wasted, all is not 100 % of all."""
    path = await push(people, archive({"a": b"a" * 10, "b": b"b" * 50_000}), archive({"a": b"c"}))
    await read(people, browser, path)
    shown = await browser.get(f"{path}/files")
    assert "Efficiency: what can be seen of all 99.9 %" in shown.text


async def test_files_are_found_by_their_names(browser: Browser, path: str) -> None:
    shown = await browser.get(f"{path}/files?q=MOT")
    assert (
        "2 files found among the first 500,000 entries, from the uppermost layer down" in shown.text
    )
    assert f"{path}/layers/1/file?path=etc%2Fmotd" in shown.links
    of_one = (await browser.get(f"{path}/layers/2/files?q=motd")).text
    assert "1 file found among the first 500,000 entries of this layer" in of_one
    for words in ("%25", "_", "!", "nothing"):
        assert "0 files found" in (await browser.get(f"{path}/files?q={words}")).text
    assert SCRIPT not in (await browser.get(f"{path}/files?q={quote(SCRIPT)}")).html


async def test_a_layer_says_what_it_does(browser: Browser, path: str) -> None:
    shown = await browser.get(f"{path}/layers/2/files?path=etc")
    assert "motd changed" in shown.text
    assert "new added" in shown.text
    assert "old removed" in (await browser.get(f"{path}/layers/2/files")).text


async def test_text_is_shown_and_nothing_of_it_runs(browser: Browser, path: str) -> None:
    shown = await browser.get(f"{path}/layers/1/file?path=etc%2Fmotd")
    assert "hello <b>world</b>" in shown.text
    assert "<b>world" not in shown.html
    for page in (
        await browser.get(f"{path}/files?path=www"),
        await browser.get(f"{path}/files?path={quote('www/' + SCRIPT)}"),
        await browser.get(f"{path}/layers/1/file?path={quote('www/' + SCRIPT + '.html')}"),
    ):
        assert page.status == 200
        assert SCRIPT not in page.html
        assert "unsafe" not in page.headers["content-security-policy"]


async def test_what_is_no_text_can_only_be_downloaded(browser: Browser, path: str) -> None:
    shown = await browser.get(f"{path}/layers/1/file?path=usr%2Fbin%2Ftool")
    assert "This is no text" in shown.text
    assert f"{path}/layers/1/download?path=usr%2Fbin%2Ftool" in shown.links


@pytest.mark.parametrize("sign", ["ß", "€", "𝄞"])
@pytest.mark.parametrize("left", [1, 2, 3])
async def test_text_that_is_cut_within_a_sign_is_text(
    people: People, browser: Browser, sign: str, left: int
) -> None:
    """Of what is shown of a large file, the last sign may lack some of its bytes."""
    before = "a" * (MOST_SHOWN - left)
    whole, broken = f"{before}{sign * 4}", before.encode() + b"\xff" * 8
    files = {"whole": whole.encode(), "broken": broken, "end": b"a" + sign.encode()[:-1]}
    path = await push(people, archive(files))
    await read(people, browser, path)
    shown = await browser.get(f"{path}/layers/1/file?path=whole")
    complete = sign * (left // len(sign.encode()))
    assert f">{before}{complete}</pre>" in shown.html
    assert "This is the beginning" in shown.text
    for name in ("broken", "end"):
        shown = await browser.get(f"{path}/layers/1/file?path={name}")
        assert "This is no text" in shown.text


async def test_a_download_can_do_nothing_in_a_browser(browser: Browser, path: str) -> None:
    name = quote(f"www/{SCRIPT}.html")
    shown = await browser.get(f"{path}/layers/1/download?path={name}")
    assert shown.html == f"{SCRIPT} & more"
    assert shown.headers["content-type"] == "application/octet-stream"
    assert shown.headers["content-disposition"].startswith("attachment; filename*=UTF-8''script%3E")
    assert shown.headers["content-security-policy"].startswith("sandbox;")
    assert shown.headers["x-content-type-options"] == "nosniff"
    empty = await browser.get(f"{path}/layers/1/download?path={quote('quote')}%22%5Cx0a.txt")
    assert (empty.status, empty.html) == (200, "")
    assert "\n" not in empty.headers["content-disposition"]


@pytest.mark.parametrize(
    "place",
    [
        "layers/3/files",
        "layers/999/files",
        "layers/1/file",
        "layers/1/file?path=nothing",
        "layers/1/file?path=etc",
        "layers/1/file?path=..%2F..%2Fetc%2Fpasswd",
        "layers/1/download?path=%2Fetc%2Fpasswd",
    ],
)
async def test_what_is_not_there_is_not_found(browser: Browser, path: str, place: str) -> None:
    assert (await browser.get(f"{path}/{place}")).status == 404


async def test_a_bomb_is_cut_off_and_said_to_be(people: People, browser: Browser) -> None:
    bomb = gzip.compress(archive({"bomb": bytes(80 * 2**20)}))
    path = await push(people, bomb, b"no archive at all")
    await read(people, browser, path)
    shown = await browser.get(f"{path}/files")
    assert "cut off" in shown.text
    assert "cannot be listed" in shown.text
    assert "bomb" in shown.text
    read_back = await browser.get(f"{path}/layers/1/file?path=bomb")
    assert read_back.status == 200


async def test_who_may_not_pull_sees_no_file(
    people: People, visitors: Callable[[], Browser]
) -> None:
    path = await push(people, archive(LOWER))
    reader, outsider = visitors(), visitors()
    await reader.sign_in("reader")
    assert (await reader.get(f"{path}/files")).status == 200
    await outsider.sign_in("outsider")
    for place in (
        "files",
        "layers/1/files",
        "layers/1/file?path=old",
        "layers/1/download?path=old",
    ):
        assert (await outsider.get(f"{path}/{place}")).status in {403, 404}


@pytest.mark.parametrize("asked", ["a/" * 5000, "a" * 17_000])
@pytest.mark.parametrize("page", ["files", "layers/1/files", "layers/1/file", "compare"])
async def test_a_path_that_nothing_can_have_is_not_looked_for(
    browser: Browser, path: str, page: str, asked: str
) -> None:
    """Each directory on it would be asked for, in each layer."""
    where = f"{path}/{page}?path={asked}"
    if page == "compare":
        where = f"/r/{HELLO}/-/compare/files?from=latest&to=latest&path={asked}"
    shown = await browser.get(where)
    assert shown.status == 400
    assert "as deep" in shown.text


async def test_the_deepest_file_that_is_known_is_found(people: People, browser: Browser) -> None:
    deep = "/".join(["d"] * (DEEPEST - 1) + ["file"])
    path = await push(people, archive({deep: b"at the bottom"}))
    await read(people, browser, path)
    assert "at the bottom" in (await browser.get(f"{path}/layers/1/file?path={deep}")).text


class LockedMemory(MemoryDatabase):
    """A database that another process can keep from being written to."""

    is_locked = False

    async def write(self, work: Work[T], *, durable: bool = True, alone: bool = False) -> T:
        if self.is_locked:
            await asyncio.sleep(3600)
        return await super().write(work, durable=durable, alone=alone)


@pytest.mark.parametrize("page", ["files", "layers/1/files", "compare"])
async def test_who_looks_does_not_wait_for_what_cannot_be_written_down(page: str) -> None:
    """Reading never needs writing; and who looks again asks again."""
    database = LockedMemory()
    people = People(Metadata(database), Stores.in_memory())
    browser = Browser(UiParts(people.registry, EdgeOptions()))
    path = await push(people, archive(LOWER))
    where = f"{path}/{page}"
    if page == "compare":
        where = f"/r/{HELLO}/-/compare/files?from=latest&to=latest"
    database.is_locked = True
    async with asyncio.timeout(60):
        shown = await browser.get(where)
    assert shown.status == 200
    assert "being read" in shown.text
    database.is_locked = False
    people.metadata.attempts._not_before = 0.0
    await read(people, browser, path)
    assert "motd" in (await browser.get(f"{path}/files?path=etc")).text
    database.is_locked = True
    assert "motd" in (await browser.get(f"{path}/files?path=etc")).text
    await people.metadata.close()


async def test_a_small_file_is_read_before_it_leaves(browser: Browser, path: str) -> None:
    """Nobody who takes it slowly keeps one of the few turns to read."""
    shown = await browser.get(f"{path}/layers/1/download?path=usr/bin/tool")
    assert shown.headers["content-length"] == str(len(LOWER["usr/bin/tool"] or b""))
    assert browser.parts.registry.reading.is_idle

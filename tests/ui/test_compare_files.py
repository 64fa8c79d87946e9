"""The page of files in which two images differ."""

import gzip
import json
from collections.abc import Callable, Mapping

import pytest

from lading.core.digest import Digest
from lading.core.manifest import Manifest
from lading.services.shown import compare_files, tree_jobs
from tests.support.contents import HELLO, image, index
from tests.support.people import People
from tests.support.tars import archive
from tests.ui.browsing import Browser, Shown

PATH = f"/r/{HELLO}/-/compare/files"
SCRIPT = "<script>alert(1)</script>"
Files = Mapping[str, bytes | None]
BASE: Files = {"etc/hosts": b"127.0.0.1", "bin/sh": b"s" * 500, "usr/share/doc/a": b"a" * 70}


def layer(files: Files) -> bytes:
    return gzip.compress(archive(dict(files)), mtime=0)


async def pushed(people: People, tag: str, *layers: bytes, **config: object) -> Manifest:
    body = json.dumps({"os": "linux", "architecture": "amd64", "config": config}).encode()
    for data in (body, *layers):
        await people.push_blob(data)
    manifest = image(body, *layers)
    await people.push(manifest, tag)
    return manifest


async def compared(
    people: People, browser: Browser, first: list[Files], second: list[Files], path: str = ""
) -> Shown:
    """The files of two images, compared once their layers are known."""
    await pushed(people, "1", *map(layer, first))
    await pushed(people, "2", *map(layer, second))
    waiting = await browser.get(f"{PATH}?from=1&to=2")
    assert "being read in the background" in waiting.text
    assert waiting.headers["refresh"]
    await tree_jobs.find_asked(people.registry, "worker")
    return await browser.get(f"{PATH}?from=1&to=2&path={path}")


async def test_files_are_compared_as_a_container_sees_them(
    browser: Browser, people: People
) -> None:
    old: Files = {"srv/app": b"1" * 100, "srv/same": b"x" * 10, "srv/old/f": b"", "etc/new": b""}
    new: Files = {
        "srv/app": b"2" * 3100,
        "srv/same": b"y" * 10,
        "usr/lib/x.so": b"z" * 50,
        "etc/.wh.hosts": b"",
    }
    shown = await compared(people, browser, [BASE, old], [BASE, new])
    for words in (
        "srv/app changed 100 B 3.1 kB +3.0 kB",
        "srv/same rewritten 10 B 10 B ±0 B",
        "usr/lib/ added",
        "srv/old/ removed",
        "etc/hosts removed 9 B \N{MINUS SIGN}9 B",
        "etc/new removed",
    ):
        assert words in shown.text, shown.text
    # Largest first, and nothing of what both have from the layer below.
    assert shown.text.index("srv/app") < shown.text.index("etc/hosts")
    assert "bin/sh" not in shown.text
    assert "usr/share" not in shown.text


async def test_the_same_files_are_said_to_be_the_same(browser: Browser, people: People) -> None:
    more: Files = {"bin/.wh.nothing": b""}
    shown = await compared(people, browser, [BASE], [BASE, more])
    assert "They have the same files" in shown.text


async def test_more_than_a_page_holds_is_offered_by_the_directory(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_files, "_MOST_DIRECTORIES", 2)
    deep: Files = {"a/b/c/one": b"1", "a/top": b"1"}
    other: Files = {"a/b/c/one": b"22", "a/top": b"22"}
    shown = await compared(people, browser, [BASE, deep], [BASE, other])
    assert "a/top changed" in shown.text
    assert "a/b/c/one" not in shown.text
    more = f"{PATH}?from=1&to=2&path=a%2Fb"
    assert more in shown.links
    assert "a/b/c/one changed" in (await browser.get(more)).text


async def test_a_large_directory_is_compared_in_parts(browser: Browser, people: People) -> None:
    many: Files = {f"d/{number:04}": b"" for number in range(700)}
    shown = await compared(people, browser, [BASE], [BASE, many], "d")
    found: set[str] = set()
    while True:
        found |= {word for word in shown.text.split() if word.startswith("d/")}
        rest = [link for link in shown.links if "after=" in link]
        if not rest:
            break
        shown = await browser.get(rest[0])
    assert found == {f"d/{number:04}" for number in range(700)}


async def test_nothing_that_a_stranger_wrote_runs(browser: Browser, people: People) -> None:
    name = SCRIPT.replace("/", "")
    shown = await compared(people, browser, [{f"{name}/{name}": b"1"}], [{f"a/{name}": b"22"}])
    assert "a/ added" in shown.text
    assert f"{name}/ removed" in shown.text
    assert "<script>alert" not in shown.html
    for query in (
        f"from={SCRIPT}&to=1",
        f"from=1&to=2&path={SCRIPT}",
        f"from=1&to=2&after={SCRIPT}",
    ):
        assert "<script>alert" not in (await browser.get(f"{PATH}?{query}")).html


async def test_an_index_has_no_files_of_its_own(browser: Browser, people: People) -> None:
    child = await pushed(people, "1", layer(BASE))
    await people.push(index([child]), "2")
    shown = await browser.get(f"{PATH}?from=2&to=2")
    assert "There are no files to compare" in shown.text


async def test_only_images_of_a_repository_that_is_seen_are_compared(
    visitors: Callable[[], Browser], people: People
) -> None:
    await pushed(people, "1", layer(BASE))
    outsider, reader = visitors(), visitors()
    await outsider.sign_in("outsider")
    await reader.sign_in("reader")
    assert (await outsider.get(f"{PATH}?from=1&to=1")).status == 403
    assert (await reader.get(f"{PATH}?from=1&to=1")).status == 200


async def test_what_is_not_there_is_said_so(browser: Browser, people: People) -> None:
    await pushed(people, "1", layer(BASE))
    for other in ("", "2", str(Digest.of(b"x")), "sha256:1", "%20x"):
        assert (await browser.get(f"{PATH}?from=1&to={other}")).status == 404

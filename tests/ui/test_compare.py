"""The difference of two images, as the page shows it."""

import json
import re

from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.images.comparison import compare_configs, compare_layers
from lading.core.images.image_config import read_config
from lading.core.manifest_document import parse
from tests.support.contents import HELLO, descriptor, image, index
from tests.support.people import People
from tests.ui.browsing import Browser, Shown

PATH = f"/r/{HELLO}/-/compare"
A, B, C = (Digest.of(name) for name in (b"a", b"b", b"c"))


def near(shown: Shown) -> list[str]:
    """The tags that a click compares with."""
    return re.findall('<a class="badge" href="[^"]*/compare[^"]*">([^<]*)</a>', shown.html)


async def push(people: People, tag: str, env: str, *layers: bytes) -> None:
    config = json.dumps({"config": {"Env": [env], "Cmd": ["sh"]}}).encode()
    for data in (config, *layers):
        await people.push_blob(data)
    await people.push(image(config, *layers), tag)


async def test_it_says_what_was_added_and_what_is_gone(browser: Browser, people: People) -> None:
    await push(people, "1.0", "VERSION=<1>", b"base", b"old app")
    await push(people, "2.0", "VERSION=<2>", b"base", b"new application")

    shown = await browser.get(f"{PATH}?from=1.0&to=2.0")

    assert shown.status == 200
    assert "Larger 8 B" in shown.text
    assert "Layers in both" in shown.text
    assert "1 of 2" in shown.text
    assert "only in 2.0 15 B what it changes" in shown.text
    assert "only in 1.0 7 B what it changes" in shown.text
    assert "environment VERSION <1> <2>" in shown.text
    assert "lading diff --files --plain-http registry.test/library/hello:1.0" in shown.text


async def test_there_is_a_form_to_choose_from(browser: Browser, people: People) -> None:
    await push(people, "1.0", "A=b", b"base")
    for query in ("", "?from=1.0", "?from=1.0&to=none", "?from=%3Cb%3E&to=sha256:1"):
        shown = await browser.get(PATH + query)
        assert shown.status == 200
        assert '<option value="1.0">' in shown.html
    assert "There is no such image here" in shown.text
    assert (await browser.get("/r/not/there/-/compare")).status == 404


async def test_other_images_are_offered_and_each_once(browser: Browser, people: People) -> None:
    """By their versions, the former one first; not what is kept beside images, nor the same one."""
    for version in ("1.9.0", "1.10.0", "1.11.0"):
        await push(people, version, version, b"base")
    newest = await people.push_image(b"newest", "2.0.0", "2.0", "latest")
    await people.push_image(b"signature", f"sha256-{newest.digest[7:]}.sig")
    for chosen in ("latest", "2.0.0", newest.digest):
        shown = await browser.get(f"{PATH}?from={chosen}")
        assert near(shown) == ["1.11.0", "1.10.0", "1.9.0"]
    shown = await browser.get(f"{PATH}?from=1.10.0")
    assert near(shown) == ["1.9.0", "1.11.0", "2.0"]
    assert f"{PATH}?from=1.9.0&to=1.10.0" in shown.links
    assert f"{PATH}?from=1.10.0&to=1.11.0" in shown.links


async def test_one_image_under_two_names_does_not_differ(browser: Browser, people: People) -> None:
    manifest = await people.push_image(b"one", "1.0", "latest")
    shown = await browser.get(f"{PATH}?from=latest&to={manifest.digest}")
    assert "They are one image" in shown.text


async def test_indexes_are_compared_by_platform(browser: Browser, people: People) -> None:
    children = [await people.push_image(name) for name in (b"one", b"two")]
    await people.push(index(children[:1]), "1.0")
    await people.push(index(children[1:]), "2.0")
    shown = await browser.get(f"{PATH}?from=1.0&to=2.0")
    assert f"{PATH}?from=sha256%3A{children[0].digest[7:]}&to=" in "".join(shown.links)


async def push_for(people: People, tag: str, *machines: str) -> None:
    """Push an index of an image for each machine, which each have a tag of their own, too."""
    held = []
    for machine in machines:
        platform = {"os": "linux", "architecture": machine}
        manifest = image(config := json.dumps(platform).encode())
        await people.push_blob(config)
        await people.push(manifest, machine)
        held.append({**descriptor(manifest.body, manifest.media_type), "platform": platform})
    document = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": held}
    await people.push(parse(json.dumps(document).encode(), media.OCI_INDEX, SHA256), tag)


async def test_platforms_that_one_of_them_lacks_are_named(browser: Browser, people: People) -> None:
    """What is gone is a difference, too."""
    await push_for(people, "1.0", "amd64", "s390x")
    await push_for(people, "2.0", "amd64", "arm64")
    shown = await browser.get(f"{PATH}?from=1.0&to=2.0")
    rows = re.findall(r"linux/(\w+) (.*?)(?= linux/|$)", shown.text)
    assert [machine for machine, _ in rows] == ["amd64", "arm64", "s390x"]
    assert "the same" in rows[0][1]
    assert rows[1][1].startswith("not there")
    assert rows[2][1].rstrip().endswith("not there")


async def test_an_image_is_compared_with_that_of_an_index_for_its_platform(
    browser: Browser, people: People
) -> None:
    """As where a second platform came with a release."""
    await push_for(people, "2.0", "arm64", "amd64")
    shown = await browser.get(f"{PATH}?from=amd64&to=2.0")
    assert "the same" in shown.text


def test_layers_are_told_by_where_they_are() -> None:
    places = [(it.digest, it.before, it.after) for it in compare_layers([A, B, A], [A, C])]
    assert places == [(A, 0, 0), (C, None, 1), (B, 1, None)]


def test_configurations_are_compared_by_what_people_call_them() -> None:
    one, other = (
        read_config(json.dumps({"config": {"Cmd": [cmd], "Labels": labels}}).encode())
        for cmd, labels in (("a", {"x": "1"}), ("b", {"x": "1", "y": "2"}))
    )
    found = [(it.kind, it.name, it.before, it.after) for it in compare_configs(one, other)]
    assert found == [("config", "command", "a", "b"), ("label", "y", "", "2")]
    assert list(compare_configs(one, one)) == []

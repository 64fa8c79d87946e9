"""An image's page: what it holds and runs, whom it shares layers with, and its documents."""

import asyncio
import json
import time
import tracemalloc
from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import given, strategies

from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.images.contents import MOST_LAYERS, contents_of, facts_of
from lading.core.images.image_config import instruction_of, read_config
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.ui import json_text
from lading.ui.json_text import MOST_LINKS, linked
from tests.support.contents import HELLO, OTHER, descriptor, image
from tests.support.people import People
from tests.ui.browsing import Browser

SCRIPT = "<script>alert(1)</script>"
CONFIG = {
    "os": "linux",
    "architecture": "arm64",
    "created": "2026-01-31T12:00:00Z",
    "config": {
        "Entrypoint": ["/bin/app"],
        "Cmd": ["--serve", "<b>"],
        "Env": ["PATH=/bin", f"WORDS={SCRIPT}"],
        "ExposedPorts": {"8080/tcp": {}},
        "User": "1000",
        "Labels": {"org.opencontainers.image.title": SCRIPT},
    },
    "history": [
        {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
        {"created_by": "ENV A=b", "empty_layer": True},
        {"created_by": "RUN /bin/sh -c apt-get update # buildkit"},
    ],
}


async def pushed(people: People, config: object, *tags: str, layers: tuple[bytes, ...]) -> Manifest:
    body = config if isinstance(config, bytes) else json.dumps(config).encode()
    for data in (body, *layers):
        await people.push_blob(data)
    manifest = image(body, *layers)
    await people.push(manifest, *tags)
    return manifest


async def test_it_tells_what_an_image_is(browser: Browser, people: People) -> None:
    manifest = await pushed(people, CONFIG, "1.0", "latest", layers=(b"base" * 9, b"app"))
    path = f"/r/{HELLO}/-"
    for where in (f"{path}/tags/1.0", f"{path}/images/{manifest.digest}"):
        shown = await browser.get(where)
        assert shown.status == 200
        for words in (
            "linux/arm64",
            'Entrypoint ["/bin/app"]',
            'Command ["--serve", "<b>"]',
            "8080/tcp",
            "User 1000",
            "ADD file:1 in /",
            "ENV A=b",
            "RUN apt-get update",
            f"WORDS={SCRIPT}",
            "latest",
            f"docker pull registry.test/{HELLO}",
            f"crane manifest --insecure registry.test/{HELLO}@{manifest.digest} | jq",
        ):
            assert words in shown.text
        assert "<script>alert" not in shown.html
        assert f"{path}/images/{manifest.digest}/raw" in shown.links


async def test_bytes_of_its_own_and_shared_ones_are_told_apart(
    browser: Browser, people: People
) -> None:
    base, app, both = b"base" * 1000, b"a" * 500, b"elsewhere"
    manifest = await pushed(people, CONFIG, "1.0", layers=(base, app))
    shown = await browser.get(f"/r/{HELLO}/-/tags/1.0")
    size = sum(map(len, (base, app, json.dumps(CONFIG).encode())))
    assert f"Size, compressed {size / 1000:.1f} kB Of this image alone {size / 1000:.1f} kB" in (
        shown.text
    )

    other = await pushed(people, b"{}", "2.0", layers=(base, both))
    await people.push_blob(app, OTHER)

    shown = await browser.get(f"/r/{HELLO}/-/tags/1.0")
    own = len(json.dumps(CONFIG))
    assert f"Of this image alone {own} B" in shown.text
    assert f"/r/{HELLO}/-/images/{other.digest}" in shown.links
    assert f"/r/{OTHER}" in shown.links
    await people.delete("2.0")
    await people.delete(str(other.digest))
    shown = await browser.get(f"/r/{HELLO}/-/images/{manifest.digest}")
    assert f"/r/{HELLO}/-/images/{other.digest}" not in shown.links


async def test_a_layer_that_clients_get_elsewhere_is_not_missing(
    browser: Browser, people: People
) -> None:
    """Its type alone says so, as the registry takes it at a push; addresses need not be named."""
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    config = b"{}"
    await people.push_blob(config)
    document = {
        "schemaVersion": 2,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(b"far away", foreign)],
    }
    await people.push(parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256), "1.0")
    shown = await browser.get(f"/r/{HELLO}/-/tags/1.0")
    assert "elsewhere" in shown.text
    assert "missing" not in shown.text


async def test_nobody_is_told_of_repositories_that_they_may_not_pull(
    visitors: Callable[[], Browser], people: People
) -> None:
    """Nor that there is one: what only they share counts as the image's alone."""
    await pushed(people, CONFIG, "1.0", layers=(b"base", b"app"))
    secret = type(OTHER)("other/secret")
    await people.push_blob(b"base", secret)
    for who, sees in (("reader", False), ("admin", True)):
        visitor = visitors()
        await visitor.sign_in(who)
        shown = await visitor.get(f"/r/{HELLO}/-/tags/1.0")
        assert shown.status == 200
        assert ("other/secret" in shown.text) is sees


@pytest.mark.parametrize(
    "page", ["tags/1.0", "images/{}", "images/{}/raw", "config/{}", "documents/{}"]
)
async def test_who_may_not_pull_sees_none_of_its_pages(
    visitors: Callable[[], Browser], people: People, page: str
) -> None:
    manifest = await pushed(people, CONFIG, "1.0", layers=(b"base", b"app"))
    config = Digest.of(json.dumps(CONFIG).encode())
    path = f"/r/{HELLO}/-/" + page.format(config if page.startswith("config") else manifest.digest)
    outsider, reader = visitors(), visitors()
    await outsider.sign_in("outsider")
    await reader.sign_in("reader")
    assert (await outsider.get(path)).status in {403, 404}
    assert (await reader.get(path)).status in {200, 303}


async def test_documents_are_json_in_which_digests_lead_on(
    browser: Browser, people: People
) -> None:
    manifest = await pushed(people, CONFIG, "1.0", layers=(b"base", b"app"))
    config = Digest.of(json.dumps(CONFIG).encode())
    shown = await browser.get(f"/r/{HELLO}/-/images/{manifest.digest}/raw")
    assert '"schemaVersion": 2' in shown.text
    assert "immutable" in shown.headers["cache-control"]
    leads = [link for link in shown.links if "/-/documents/" in link]
    assert leads[0] == f"/r/{HELLO}/-/documents/{config}"
    assert (await browser.get(leads[0])).headers["location"] == f"/r/{HELLO}/-/config/{config}"

    shown = await browser.get(f"/r/{HELLO}/-/config/{config}")
    assert '"architecture": "arm64"' in shown.text
    assert "<script>alert" not in shown.html
    led = await browser.get(f"/r/{HELLO}/-/documents/{manifest.digest}")
    assert led.headers["location"] == f"/r/{HELLO}/-/images/{manifest.digest}"


async def test_an_index_shows_its_platforms(browser: Browser, people: People) -> None:
    children = [await people.push_image(name) for name in (b"amd64", b"arm64")]
    described = [
        {
            "mediaType": media.OCI_MANIFEST,
            "digest": child.digest,
            "size": len(child.body),
            "platform": {"os": "linux", "architecture": name},
        }
        for child, name in zip(children, ("amd64", "arm64"), strict=True)
    ]
    body = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": described}
    await people.push(parse(json.dumps(body).encode(), "", SHA256), "1.0")
    shown = await browser.get(f"/r/{HELLO}/-/tags/1.0")
    assert "linux/amd64" in shown.text
    assert f"/r/{HELLO}/-/images/{children[1].digest}" in shown.links


async def test_a_chart_is_shown_as_one(browser: Browser, people: People) -> None:
    config = b'{"name": "shop", "version": "1.2.0", "description": "<b>sells</b>"}'
    await people.push_chart(config, "1.2.0", content=b"chart")
    shown = await browser.get(f"/r/{HELLO}/-/tags/1.2.0")
    assert "Helm chart" in shown.text
    assert "description <b>sells</b>" in shown.text


@pytest.mark.parametrize(
    "config",
    [
        b"\xff\x00 no JSON",
        b"[" * 100_000,
        b'{"config": [], "history": {"a": 1}, "os": 3}',
        b'{"config": {"Env": "x", "Labels": [1], "Entrypoint": {"a": "b"}}, "history": [1, null]}',
        b'{"history": [' + b'{"created_by": "RUN x"},' * 5000 + b"{}]}",
    ],
)
async def test_a_configuration_may_say_anything(
    browser: Browser, people: People, config: bytes
) -> None:
    await pushed(people, config, "1.0", layers=(b"base", b"app"))
    assert (await browser.get(f"/r/{HELLO}/-/tags/1.0")).status == 200
    assert (await browser.get(f"/r/{HELLO}/-/config/{Digest.of(config)}")).status == 200


async def test_what_is_not_there_is_said_so(browser: Browser, people: People) -> None:
    await people.push_image(b"one", "1.0")
    for page in ("tags/2.0", f"images/{Digest.of(b'x')}", "images/sha256:1", "tags/%20"):
        assert (await browser.get(f"/r/{HELLO}/-/{page}")).status == 404


@pytest.mark.parametrize(
    ("noted", "instruction"),
    [
        ('/bin/sh -c #(nop)  ENTRYPOINT ["a"]', 'ENTRYPOINT ["a"]'),
        ("|1 VERSION=2 /bin/sh -c make $VERSION", "RUN make $VERSION"),
        ("RUN |1 VERSION=2 /bin/sh -c make # buildkit", "RUN make"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("bazel build //:image", "bazel build //:image"),
    ],
)
def test_history_is_shown_as_the_dockerfile_it_came_from(noted: str, instruction: str) -> None:
    assert instruction_of(noted) == instruction


def test_a_configuration_that_says_nothing_is_empty() -> None:
    assert read_config(b"null") == read_config(b"{}") == read_config(b"")


@pytest.mark.parametrize(
    "config",
    [
        {"config": {"Labels": {f"{number:06x}": "" for number in range(200_000)}}},
        {"config": {"Env": [f"{number:06x}=" for number in range(200_000)]}},
        {"history": [{"empty_layer": True}] * 150_000},
    ],
    ids=["labels", "environment", "history"],
)
async def test_megabytes_of_small_things_make_no_page_that_nobody_can_open(
    browser: Browser, people: People, config: object
) -> None:
    await pushed(people, config, "1.0", layers=(b"base",))
    await pushed(people, CONFIG, "2.0", layers=(b"base",))
    for where in ("tags/1.0", "compare?from=1.0&to=2.0"):
        shown = await browser.get(f"/r/{HELLO}/-/{where}")
        assert shown.status == 200
        assert len(shown.html) < 500_000


async def test_a_document_of_digests_has_so_many_links_and_no_more() -> None:
    body = json.dumps([f"sha256:{number:064x}" for number in range(MOST_LINKS + 100)]).encode()
    pieces = await linked(body, lambda digest: f"/{digest}")
    assert sum(bool(piece.href) for piece in pieces) == MOST_LINKS
    assert json.loads("".join(piece.text for piece in pieces)) == json.loads(body)


@given(
    strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
        lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    )
)
async def test_a_document_is_indented_as_json_is_wherever_it_is_taken_apart(value: object) -> None:
    with patch.object(json_text, "_SMALL", 2):
        pieces = await linked(json.dumps(value).encode(), lambda _: "")
    assert "".join(piece.text for piece in pieces) == json.dumps(
        value, indent=2, ensure_ascii=False
    )


async def test_others_have_their_turns_while_a_large_document_is_indented() -> None:
    turns, body = 0, json.dumps({"layers": [descriptor(b"layer")] * 5000}).encode()
    work = asyncio.ensure_future(linked(body, lambda digest: f"/{digest}"))
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20


def test_of_many_layers_the_first_are_told_of_and_all_counted() -> None:
    body = json.dumps({"layers": [descriptor(b"layer")] * 9_999}).encode()
    contents = contents_of(body)
    assert (len(contents.layers), contents.layer_count) == (MOST_LAYERS, 9_999)


async def test_what_is_nested_too_deep_is_not_indented() -> None:
    """Its indentation alone would be more than a machine has."""
    for body in (b"[" * 100_000, b"[" * 900 + b"1," * 900_000):
        assert sum(len(piece.text) for piece in await linked(body, lambda _: "")) == len(body)


@pytest.mark.parametrize("said", ["a{}b", "a{}# buildkit b", "RUN /bin/sh -c{}b", "|1 a{}b"])
def test_a_step_of_mostly_blanks_is_read_at_once(said: str) -> None:
    """All threads would wait for a pattern that takes the square of their number."""
    began = time.process_time()
    instruction_of(said.format(" " * 1_000_000))
    assert time.process_time() - began < 1


async def test_what_utf_8_has_no_bytes_for_is_shown_as_json_has_it(
    browser: Browser, people: People
) -> None:
    body = b'{"name": "half \\ud800 a pair"}'
    manifest = await people.push_chart(body)
    config = f"/r/{HELLO}/-/config/{Digest.of(body)}"
    assert "half \\ud800 a pair" in (await browser.get(config)).text
    assert (await browser.get(f"/r/{HELLO}/-/images/{manifest.digest}")).status == 200


@pytest.mark.parametrize("read", [read_config, contents_of, facts_of])
def test_what_nobody_asks_for_is_not_made_of_a_document(read: Callable[[bytes], object]) -> None:
    """A million objects take seconds, for which all threads wait, and a hundred MiB."""
    body = b'{"x": [' + b",".join([b"[]"] * 1_000_000) + b"]}"
    tracemalloc.start()
    read(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1024 * 1024


async def test_pages_of_documents_wait_for_each_other_and_nobody_for_them(
    browser: Browser, people: People
) -> None:
    manifest = await pushed(people, CONFIG, "1.0", layers=(b"base", b"app"))
    path = f"/r/{HELLO}/-/images/{manifest.digest}"
    making = browser.parts.making
    async with making.take("a"), making.take("b"):
        waiting = asyncio.create_task(browser.get(path))
        assert (await browser.get("/")).status == 200
        assert not waiting.done()
    assert (await waiting).status == 200

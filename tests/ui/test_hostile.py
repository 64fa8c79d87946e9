"""What nobody pushes who means well: pages stay pages, of a size that can be read."""

import gzip
import json
import tarfile

import zstandard

from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.manifest_document import parse
from lading.services.shown import tree_jobs
from tests.support.contents import HELLO, image
from tests.support.people import People
from tests.support.tars import archive
from tests.ui.browsing import Browser, Shown

SCRIPTED = "javascript:alert(1)"
# Right-to-left marks and overrides: what is read may be another thing than what is there.
BACKWARDS = "\u200f\u202egnp.exe\u2067"
# A hyphen, letters and ends of lines that take no room or are blank, and marks of notes.
UNSEEN = "\xad\u180e\u2028\u2029\u3164\uffa0\ufff9\ufffb"
# Letters of a page that everybody can open.
READABLE = 1_000_000


async def tagged(
    people: People, browser: Browser, config: object, layer: bytes = b"layer", **fields: object
) -> Shown:
    """Push an image as "1.0"; its page."""
    body = json.dumps(config).encode()
    for data in (body, layer):
        await people.push_blob(data)
    manifest = {**json.loads(image(body, layer).body), **fields}
    await people.push(parse(json.dumps(manifest).encode(), "", SHA256), "1.0")
    shown = await browser.get(f"/r/{HELLO}/-/tags/1.0")
    assert shown.status == 200
    return shown


def runs_nothing(shown: Shown) -> bool:
    """Whether no link of a page is a script."""
    return not any("script:" in link for link in shown.links)


async def test_values_of_labels_of_any_length_are_shown_in_part(
    browser: Browser, people: People
) -> None:
    labels = {f"label{number}": "long " * 20_000 for number in range(20)}
    env = [f"VALUE{number}=" + "x" * 100_000 for number in range(10)]
    shown = await tagged(people, browser, {"config": {"Labels": labels, "Env": env}})
    assert "label19" in shown.text
    assert len(shown.html) < READABLE


async def test_ten_thousand_labels_are_shown_in_part(browser: Browser, people: People) -> None:
    labels = {f"label{number:05}": SCRIPTED for number in range(10_000)}
    shown = await tagged(people, browser, {"config": {"Labels": labels}})
    assert "the first 1,000" in shown.text
    assert len(shown.html) < READABLE
    assert runs_nothing(shown)


async def test_annotations_stay_in_their_own_lines(browser: Browser, people: People) -> None:
    """Each is in elements that are blocks, at whose end marks of direction end, too.

    Those that turn what follows are shown as escapes; those that languages need stay.
    """
    shown_so = "\u200f\\u202egnp.exe\\u2067"
    source = "org.opencontainers.image.source"
    annotations = {BACKWARDS: BACKWARDS, source: SCRIPTED, "k" * 5000: "v"}
    shown = await tagged(people, browser, {}, annotations=annotations)
    assert f'<dt class="break">{shown_so}</dt><dd class="break">{shown_so}</dd>' in shown.html
    assert SCRIPTED in shown.text
    assert "k" * 1001 not in shown.html
    assert runs_nothing(shown)


async def test_nothing_reads_as_another_thing_than_it_is(browser: Browser, people: People) -> None:
    """Wherever it stands: in what an image runs, who it is for, what it was built by."""
    config = {
        "architecture": BACKWARDS,
        "os": "linux",
        "author": BACKWARDS,
        "config": {
            "User": BACKWARDS,
            "Env": [f"PATH={BACKWARDS}"],
            "Entrypoint": [BACKWARDS],
            "Cmd": ["no\u200bwidth", "colour\x1b[31m", "two\nlines\r\n\tand a column", UNSEEN],
            "Labels": {BACKWARDS: "tag\U000e0041"},
        },
        "history": [{"created_by": f"RUN {BACKWARDS}"}],
    }
    shown = await tagged(people, browser, config)
    written = await browser.get(f"/r/{HELLO}/-/config/{Digest.of(json.dumps(config).encode())}")
    compared = await browser.get(f"/r/{HELLO}/-/compare?from=1.0&to=1.0")
    for page in (shown, written, compared):
        assert page.status == 200
        assert not {*"\u202e\u2067\u200b\x1b\U000e0041", *UNSEEN} & {*page.html}
    for sign in ("\\u202e", "\\u200b", "\\u001b", "\\U000e0041"):
        assert sign in shown.text


async def test_a_chart_whose_texts_are_scripts_has_no_links_of_its_own(
    browser: Browser, people: People
) -> None:
    config = {"name": "shop", "home": SCRIPTED, "icon": "data:text/html,<script>", "sources": []}
    readme = b"[click](javascript:alert(1))<script>alert(1)</script>"
    body = json.dumps(config).encode()
    await people.push_chart(body, "1.0", content=readme, kind="text/markdown")
    shown = await browser.get(f"/r/{HELLO}/-/tags/1.0")
    assert (shown.status, SCRIPTED in shown.text) == (200, True)
    assert runs_nothing(shown)
    assert not any(link.startswith("data:") for link in shown.links)


async def test_five_thousand_platforms_are_shown_in_part(browser: Browser, people: People) -> None:
    child = image(b"{}", b"layer")
    for data in (b"{}", b"layer"):
        await people.push_blob(data)
    digest = await people.push(child)
    size = len(child.body)
    children = [
        {
            "mediaType": media.OCI_MANIFEST,
            "digest": str(digest),
            "size": size,
            "platform": {"os": f"os{number}", "architecture": BACKWARDS},
        }
        for number in range(5000)
    ]
    document = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": children}
    await people.push(parse(json.dumps(document).encode(), "", SHA256), "1.0")
    for path in ("", "/-/tags/1.0", "/-/compare?from=1.0&to=1.0"):
        shown = await browser.get(f"/r/{HELLO}{path}")
        assert shown.status == 200
        assert len(shown.html) < READABLE, path


async def test_names_of_files_of_any_length_are_shown(browser: Browser, people: People) -> None:
    names = ("n" * 4096, f"d/{BACKWARDS}", "p/" * 2000 + "deep", "s" * 255)
    layer = gzip.compress(archive(dict.fromkeys(names, b"")), mtime=0)
    await _is_listed(browser, people, layer, "s" * 255)


async def test_a_bomb_of_zstd_is_cut_off(browser: Browser, people: People) -> None:
    head = tarfile.TarInfo("zeros")
    head.size = 2**33
    packer = zstandard.ZstdCompressor().compressobj()
    packed = [packer.compress(head.tobuf())]
    packed += [packer.compress(bytes(2**20)) for _ in range(200)]
    layer = b"".join([*packed, packer.flush()])
    assert 200 * 2**20 / len(layer) > 10_000
    await _is_listed(browser, people, layer, "cut off")


async def _is_listed(browser: Browser, people: People, layer: bytes, words: str) -> None:
    await tagged(people, browser, {}, layer)
    digest = Digest.of(image(b"{}", layer).body)
    path = f"/r/{HELLO}/-/images/{digest}/files"
    for _ in range(2):
        await browser.get(path)
        await tree_jobs.find_asked(people.registry, "worker")
    shown = await browser.get(path)
    assert shown.status == 200
    assert words in shown.text
    assert "\u202e" not in shown.html
    assert len(shown.html) < READABLE

"""A repository's page: tags by what they point to, what that holds, what is about it."""

import json
from collections.abc import Callable

import pytest

from lading.blobs.stores import Stores
from lading.core import media
from lading.core.digest import SHA256
from lading.core.globs import Glob
from lading.core.immutability import ImmutableTags
from lading.core.manifest_document import parse
from lading.core.versions import natural
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.options import EdgeOptions
from lading.metadata.metadata import Metadata
from lading.metadata.shown import tag_lists
from lading.services.registry import Policy
from lading.services.shown import show
from lading.ui.context import UiParts
from lading.ui.pages import repository
from tests.support.contents import HELLO, image
from tests.support.people import People
from tests.ui.browsing import Browser

PATH = f"/r/{HELLO}"


async def test_tags_of_one_image_are_one_row(browser: Browser, people: People) -> None:
    await people.push_image(b"one", "1.0", "latest")
    await people.push_image(b"two", "2.0")
    shown = await browser.get(PATH)
    assert "3 tags on 2 images" in shown.text
    assert shown.html.count("<tbody data-words") == 2
    assert "docker pull registry.test/library/hello:" in shown.text


async def test_the_last_one_pushed_comes_first_or_the_newest_version(
    browser: Browser, people: People
) -> None:
    for version in ("1.10.0", "1.9.0", "1.10.0-rc.1"):
        await people.push_image(version.encode(), version)
        people.now += 60

    async def order(query: str) -> list[str]:
        links = (await browser.get(PATH + query)).links
        found = (link.partition("/-/tags/")[2] for link in links)
        return list(dict.fromkeys(tag for tag in found if tag and "/" not in tag))

    assert await order("") == ["1.10.0-rc.1", "1.9.0", "1.10.0"]
    assert await order("?sort=name") == ["1.10.0", "1.10.0-rc.1", "1.9.0"]
    assert await order("?q=rc") == ["1.10.0-rc.1"]


async def tags_on(browser: Browser, path: str) -> tuple[list[str], str]:
    """The tags that a page names, in its order, and where the next part is."""
    shown = await browser.get(path)
    assert shown.status == 200
    found = (link.partition("/-/tags/")[2] for link in shown.links)
    more = [link for link in shown.links if "from=" in link or "after=" in link]
    return list(dict.fromkeys(tag for tag in found if tag and "/" not in tag)), "".join(more)


async def all_tags(browser: Browser, path: str) -> list[str]:
    """The tags that a page and all parts after it name."""
    names: list[str] = []
    while path:
        found, path = await tags_on(browser, path)
        names += found
    return names


async def push_many(people: People, number: int) -> None:
    """Push so many images with a tag each, a second after the other."""
    await people.push_blob(b"one layer")
    for at in range(number):
        people.now += 1
        config = f"{at}".encode()
        await people.push_blob(config)
        await people.push(image(config, b"one layer"), f"v1.{at}")


@pytest.mark.parametrize("sort", ["", "&sort=name"])
async def test_all_of_many_tags_are_found_part_by_part(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(repository, "ON_A_PAGE", 10)
    await push_many(people, 25)
    found = await all_tags(browser, f"{PATH}?q=V{sort}")
    assert found == [f"v1.{at}" for at in reversed(range(25))]
    assert "25 tags on 25 images" in (await browser.get(PATH)).text


async def test_more_tags_than_are_sorted_come_by_letter_until_they_are_filtered(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ON_A_PAGE", 10)
    monkeypatch.setattr(show, "MOST_SORTED", 20)
    await push_many(people, 25)
    found = await all_tags(browser, f"{PATH}?sort=name")
    assert found == sorted((f"v1.{at}" for at in range(25)), reverse=True)
    assert "too many to sort them as versions" in (await browser.get(f"{PATH}?sort=name")).text
    assert (await tags_on(browser, f"{PATH}?sort=name&q=V1.1"))[0][0] == "v1.19"


async def test_of_many_tags_of_one_image_some_are_named(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_lists, "MOST_NAMED", 3)
    await people.push_image(b"one", *(f"v{at}" for at in range(9)))
    assert len((await tags_on(browser, PATH))[0]) == 3
    assert "9 tags on 1 image" in (await browser.get(PATH)).text
    assert "and 6 more" in (await browser.get(PATH)).text


async def test_a_filter_means_what_is_written(browser: Browser, people: People) -> None:
    """`_` and `%` are letters of tags, and of nothing else."""
    await people.push_image(b"one", "a_b")
    await people.push_image(b"two", "axb")
    assert (await tags_on(browser, f"{PATH}?q=A_B"))[0] == ["a_b"]
    assert (await tags_on(browser, f"{PATH}?q=%25"))[0] == []


def test_versions_are_sorted_as_people_count() -> None:
    versions = ["v1", "v1.2-beta", "v1.2", "v1.9", "v1.10.0-rc1", "v1.10.0", "v2", "latest"]
    assert sorted(versions, key=natural) == ["latest", *versions[:-1]]


async def test_an_index_is_a_row_that_opens(browser: Browser, people: People) -> None:
    """What says how an image was built is for no platform."""
    children = [await people.push_image(name) for name in (b"amd64", b"arm64", b"attests")]
    described = [
        {
            "mediaType": child.media_type,
            "digest": child.digest,
            "size": len(child.body),
            "platform": {"os": "linux", "architecture": name},
        }
        for name, child in zip(("amd64", "arm64"), children, strict=False)
    ]
    described.append(
        {
            "mediaType": children[2].media_type,
            "digest": children[2].digest,
            "size": len(children[2].body),
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
    )
    document = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": described}
    body = json.dumps(document).encode()
    await people.push(parse(body, media.OCI_INDEX, SHA256), "latest")
    shown = await browser.get(PATH)
    assert "2 platforms" in shown.text
    assert "linux/amd64" in shown.text
    assert "1 attestation" in shown.text
    assert "unknown" not in shown.text


async def test_what_is_about_an_image_is_a_badge(browser: Browser, people: People) -> None:
    pushed = await people.push_image(b"one", "latest")
    await people.push_blob(b"signature")
    about = image(
        b"one", b"signature", subject=pushed, artifact_type="application/vnd.dev.cosign.sig"
    )
    await people.push(about)
    shown = await browser.get(PATH)
    assert f"{PATH}/-/images/{about.digest}" in shown.links
    assert "signature" in shown.text


async def test_what_has_no_tag_is_shown_all_the_same(browser: Browser, people: People) -> None:
    pushed = await people.push_image(b"one")
    assert f"{PATH}/-/images/{pushed.digest}" in (await browser.get(PATH)).links
    await people.push_image(b"two", "latest")
    assert f"{PATH}/-/images/{pushed.digest}" not in (await browser.get(PATH)).links
    untagged = await browser.get(f"{PATH}?show=untagged")
    assert f"{PATH}/-/images/{pushed.digest}" in untagged.links


async def test_many_tags_are_shown_in_parts(browser: Browser, people: People) -> None:
    for number in range(103):
        await people.push_image(f"{number}".encode(), f"v{number}")
    first = await browser.get(f"{PATH}?sort=name")
    [more] = {link for link in first.links if "from=" in link}
    rest = await browser.get(more)
    assert first.html.count("<tbody data-words") == 100
    assert rest.html.count("<tbody data-words") == 3
    assert (await browser.get(f"{PATH}?from=x")).status == 400


async def test_who_pushed_is_named(browser: Browser, people: People) -> None:
    await people.push_image(b"one", "latest")
    assert "by alice" in (await browser.get(PATH)).text


@pytest.mark.parametrize("path", ["/r/no/such", "/r/no/such?show=untagged", "/r/No"])
async def test_what_is_not_there_is_said(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status == 404


async def test_what_is_pushed_can_run_nothing(browser: Browser, people: People) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x>"
    pushed = await people.push_image(b"one", "latest")
    about = image(b"one", b"one layer", subject=pushed, artifact_type=f"a/b{hostile}")
    await people.push(about)
    tags = [name for name, _ in (await browser.get(PATH)).parsed.tags]
    assert tags.count("script") == 1
    assert all(given.get("src") != "x" for _, given in (await browser.get(PATH)).parsed.tags)


async def test_deletion_is_offered_to_who_may(
    visitors: Callable[[], Browser], people: People
) -> None:
    await people.push_image(b"one", "latest")
    for name, offered in (("reader", False), ("deleter", True)):
        visitor = visitors()
        await visitor.sign_in(name)
        links = (await visitor.get(PATH)).links
        assert (f"{PATH}/-/tags/latest/delete" in links) is offered


async def test_who_may_not_pull_is_told_nothing(visitor: Browser, people: People) -> None:
    await people.push_image(b"one", "latest")
    for path in (PATH, "/r/library/nothing"):
        answer = await visitor.get(path)
        assert answer.status == 303
        assert answer.headers["location"].startswith("/-/sign-in?next=")
    await visitor.sign_in("outsider")
    there, nowhere = await visitor.get(PATH), await visitor.get("/r/library/nothing")
    assert there.status == nowhere.status == 403
    assert there.text == nowhere.text


async def test_a_tag_is_deleted_after_a_question(browser: Browser, people: People) -> None:
    await people.push_image(b"one", "latest", "v1", shared=b"base")
    await people.push_image(b"two", "other", shared=b"base")
    asked = await browser.get(f"{PATH}/-/tags/latest/delete")
    assert "1 other tag leads to it" in asked.text
    assert "This frees nothing" in asked.text
    form = asked.form(f"{PATH}/-/tags/latest/delete")
    answer = await browser.post(f"{PATH}/-/tags/latest/delete", form)
    assert (answer.status, answer.headers["location"]) == (303, f"{PATH}?done=tag-deleted")
    assert not await people.has("latest")
    assert await people.has("v1")


async def test_an_image_is_deleted_with_its_tags(browser: Browser, people: People) -> None:
    pushed = await people.push_image(b"one", "latest", "v1")
    path = f"{PATH}/-/images/{pushed.digest}/delete"
    asked = await browser.get(path)
    assert "2 tags go with it" in asked.text
    assert "This frees" in asked.text
    assert "For 7 days it can be restored" in asked.text
    assert (await browser.post(path, asked.form(path))).status == 303
    assert not await people.has("v1")
    assert (await browser.get(path)).status == 404


@pytest.mark.parametrize(
    ("trash", "said"),
    [
        (36 * 3600.0, "1 day and 12 hours"),
        (3600.0, "1 hour"),
        (90.0, "1 minute and 30 seconds"),
        (0.5, "less than a second"),
        (0.0, "until the next collection"),
    ],
)
async def test_how_long_there_is_a_way_back_is_as_the_operator_said(
    trash: float, said: str
) -> None:
    """And neither 0 days nor 1 days."""
    people = People(Metadata(MemoryDatabase()), Stores.in_memory(), policy=Policy(trash=trash))
    browser = Browser(UiParts(people.registry, EdgeOptions()))
    await people.push_image(b"one", "latest")
    for path in (f"{PATH}/-/tags/latest/delete", "/-/trash"):
        assert said in (await browser.get(path)).text
    space = (await browser.get("/-/space")).text
    assert (f"kept for {said}" if trash else "kept for no time") in space
    await people.metadata.close()


async def test_an_immutable_tag_says_that_it_stays() -> None:
    rules = (ImmutableTags((Glob("**"),), (Glob("v*"),)),)
    metadata = Metadata(MemoryDatabase())
    people = People(metadata, Stores.in_memory(), policy=Policy(immutable=rules))
    browser = Browser(UiParts(people.registry, EdgeOptions()))
    pushed = await people.push_image(b"one", "v1", "latest")
    shown = await browser.get(PATH)
    assert "immutable" in shown.text
    assert f"{PATH}/-/tags/v1/delete" not in shown.links
    assert f"{PATH}/-/tags/latest/delete" in shown.links
    for path in (f"{PATH}/-/tags/v1/delete", f"{PATH}/-/images/{pushed.digest}/delete"):
        asked = await browser.get(path)
        assert "immutable" in asked.text
        assert not asked.parsed.forms
        form = (await browser.get(f"{PATH}/-/tags/latest/delete")).form(
            f"{PATH}/-/tags/latest/delete"
        )
        assert (await browser.post(path, form)).status == 409
    await metadata.close()


async def test_a_form_without_its_token_deletes_nothing(browser: Browser, people: People) -> None:
    await people.push_image(b"one", "latest")
    await browser.get(f"{PATH}/-/tags/latest/delete")
    assert (await browser.post(f"{PATH}/-/tags/latest/delete", {"csrf": "x"})).status == 403
    assert await people.has("latest")


@pytest.mark.parametrize("name", ["", "reader", "writer", "outsider"])
async def test_who_may_not_delete_does_not(visitor: Browser, people: People, name: str) -> None:
    """With a good token, too."""
    await people.push_image(b"one", "latest")
    if name:
        await visitor.sign_in(name)
    page = await visitor.get("/-/sign-in" if not name else "/")
    form = {"csrf": page.form("/-/sign-in" if not name else "/-/sign-out")["csrf"]}
    asked = await visitor.get(f"{PATH}/-/tags/latest/delete")
    answer = await visitor.post(f"{PATH}/-/tags/latest/delete", form)
    assert (asked.status, answer.status) == ((403, 403) if name else (303, 303))
    assert await people.has("latest")


async def test_a_page_does_not_grow_with_each_child_times_what_is_about_it(
    browser: Browser, people: People
) -> None:
    """An index may hold one image hundreds of times; all of it was written out each time."""
    child = await people.push_image(b"one")
    abouts = [image(b"one", subject=child, artifact_type=f"a/{n}") for n in range(100)]
    for about in abouts:
        await people.push(about)
    described = {"mediaType": child.media_type, "digest": child.digest, "size": len(child.body)}
    document = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": [described] * 400}
    body = json.dumps(document).encode()
    held = parse(body, media.OCI_INDEX, SHA256)
    for some in (range(100), range(100, 200)):
        await people.push(held, *(f"v{number}" for number in some))

    shown = await browser.get(PATH)
    assert "400 platforms" in shown.text
    assert "360 more platforms" in shown.text
    assert len(shown.html) < 400_000
    shown = await browser.get(f"{PATH}/-/images/{held.digest}")
    assert "the first 200" in shown.text
    assert "and 100 more tags" in shown.text
    assert len(shown.html) < 400_000
    shown = await browser.get(f"{PATH}/-/images/{child.digest}")
    assert all(f"{PATH}/-/images/{about.digest}" in shown.links for about in abouts)


async def test_a_single_image_says_what_it_is_for(browser: Browser, people: People) -> None:
    """Its manifest does not: its configuration is read, once."""
    config = json.dumps({"os": "linux", "architecture": "<arm64>", "variant": "v8"}).encode()
    for data in (config, b"layer"):
        await people.push_blob(data)
    pushed = image(config, b"layer")
    await people.push(pushed, "latest")
    assert "linux/<arm64>/v8" in (await browser.get(PATH)).text
    await people.delete("latest")
    assert "linux/<arm64>/v8" in (await browser.get(PATH)).text
    await people.metadata.manifests.delete(
        HELLO, pushed.digest, immutable=(), change=people.change()
    )


async def test_what_a_configuration_does_not_say_is_not_shown(
    browser: Browser, people: People
) -> None:
    for config in (b"{}", b"[", b'{"os": "unknown"}'):
        await people.push_blob(config)
        await people.push(image(config), config.hex())
    shown = await browser.get(PATH)
    assert (shown.status, shown.html.count('<span class="soft"></span>')) == (200, 0)


async def test_what_is_attached_to_an_image_is_not_what_is_pulled(
    browser: Browser, people: People
) -> None:
    """As cosign tags it, later than the image; the row says what it is, and of which image."""
    pushed = await people.push_image(b"image", "v1")
    people.now += 60
    tag = f"sha256-{pushed.digest.hex}.sig"
    await people.push_image(b"signature", tag)
    shown = await browser.get(f"/r/{HELLO}", host="localhost:5000")
    assert f"docker pull localhost:5000/{HELLO}:v1" in shown.text
    assert f"docker pull localhost:5000/{HELLO}:{tag}" not in shown.text
    assert f"{tag} signature of {pushed.digest.hex[:12]}" in shown.text


async def test_a_chart_is_pulled_by_helm_and_not_by_docker(
    browser: Browser, people: People
) -> None:
    await people.push_chart(b'{"name": "chart"}', "1.2.3_5")
    for path in (f"/r/{HELLO}", f"/r/{HELLO}/-/tags/1.2.3_5"):
        shown = (await browser.get(path, host="localhost:5000")).text
        # A tag can have no `+`, for which Helm writes `_`.
        assert f"helm pull --plain-http oci://localhost:5000/{HELLO} --version 1.2.3+5" in shown
        assert f"oras pull --plain-http localhost:5000/{HELLO}:1.2.3_5" in shown
        assert "docker pull" not in shown

"""Events and the trash: what their addresses may say, and to whom they tell what."""

from collections.abc import Callable

import pytest

from lading.core.figures import LastPull
from lading.core.names import RepositoryName
from lading.metadata.shown.pulls import Noted
from lading.services.shown.events import MOST_LOOKED_AT
from lading.ui.pages.trash import ON_A_PAGE
from tests.support.contents import HELLO
from tests.support.people import People
from tests.ui.browsing import Browser

TIMES = ["0", "-1", "1e18", "1e308", "-1e308", "9223372036854775808"]
SECRET = RepositoryName("secret/plans")


@pytest.mark.parametrize("before", TIMES)
@pytest.mark.parametrize("page", ["events?kind=tags", "events?kind=deletions", "events?kind=pulls"])
async def test_there_is_a_page_before_every_time(
    browser: Browser, people: People, page: str, before: str
) -> None:
    await people.push_image(b"image", "v1")
    assert (await browser.get(f"/-/{page}&before={before}")).status == 200


@pytest.mark.parametrize("before", ["inf", "-inf", "1e999", "nan", "yesterday"])
@pytest.mark.parametrize(
    "page",
    [
        "events?kind=tags&before=%s",
        "events?kind=pulls&before=%s",
        "trash?manifest=%s-1",
        "trash?tag=%s-1",
        "trash?tag=1.0-%s",
        "trash?tag=%s",
    ],
)
async def test_what_is_no_time_is_refused(browser: Browser, page: str, before: str) -> None:
    assert (await browser.get(f"/-/{page % before}")).status == 400


async def test_what_was_deleted_at_one_time_is_on_one_page_or_the_next(
    browser: Browser, people: People
) -> None:
    """As by a script within a clock's tick; images and tags, each of them once."""
    kept = await people.push_image(b"kept", *(f"t{number}" for number in range(40)), "stays")
    images = [await people.push_image(b"%d" % number) for number in range(40)]
    for number in range(40):
        await people.delete(f"t{number}")
        await people.delete(images[number].digest)
    found: list[str] = []
    more, pages = ["/-/trash"], 0
    while more:
        shown, pages = await browser.get(more[0]), pages + 1
        forms = [form for to, form in shown.parsed.forms if to.startswith("/-/trash/restore")]
        found += [form["reference"] for form in forms]
        more = [link for link in shown.links if "tag=" in link]
    assert sorted(found) == sorted([f"t{n}" for n in range(40)] + [i.digest for i in images])
    assert pages == 2
    assert kept.digest not in found


async def test_deletions_at_one_time_are_on_one_page_or_the_next(
    browser: Browser, people: People
) -> None:
    images = [(await people.push_image(b"%d" % number)).digest for number in range(70)]
    for digest in images:
        await people.delete(digest)
    found: list[str] = []
    more = ["/-/events?kind=deletions"]
    while more:
        shown = await browser.get(more[0])
        titles = [str(given.get("title")) for _, given in shown.parsed.tags]
        found += [title for title in titles if title.startswith("sha256:")]
        more = [link for link in shown.links if "before=" in link]
    assert sorted(found) == sorted(images)


async def test_pulls_at_one_time_are_on_one_page_or_the_next(
    browser: Browser, people: People
) -> None:
    """As of a script: more than a page of them, and one each around."""
    tags = [f"t{number}" for number in range(95)]
    await people.push_image(b"image", "first", *tags, "last")
    at = {"first": 1.0, "last": 9.0}
    pulled = ("first", *tags, "last")
    pulls: Noted = {(HELLO, tag): LastPull(at.get(tag, 5.0), "ann") for tag in pulled}
    await people.metadata.pulls.note(pulls)
    found: list[str] = []
    more = ["/-/events?kind=pulls"]
    while more:
        shown = await browser.get(more[0])
        found += [link.split("/")[-2] for link in shown.links if link.endswith("/history")]
        more = [link for link in shown.links if "before=" in link]
    assert (found[0], found[-1]) == ("last", "first")
    assert sorted(found) == sorted(["first", *tags, "last"])


async def test_the_next_page_of_pulls_names_nothing_of_what_is_hidden(
    visitors: Callable[[], Browser], people: People
) -> None:
    tags = [f"hidden{number}" for number in range(MOST_LOOKED_AT)]
    for start in range(0, len(tags), 100):
        await people.push_image(b"image", *tags[start : start + 100], repository=SECRET)
    await people.metadata.pulls.note({(SECRET, tag): LastPull(5.0, "ann") for tag in tags})
    visitor = visitors()
    await visitor.sign_in("reader")
    shown = await visitor.get("/-/events?kind=pulls")
    assert any("before=" in link for link in shown.links)
    assert "hidden" not in shown.text


async def test_nobody_learns_from_the_trash_of_what_they_may_not_pull(
    visitors: Callable[[], Browser], people: People
) -> None:
    """Not that a repository is there either: a next page would say so, and of which time."""
    for number in range(ON_A_PAGE):
        await people.push_image(b"%d" % number, f"v{number}", repository=SECRET)
        await people.delete(f"v{number}", repository=SECRET)
        people.now += 60
    for who, sees in (("admin", True), ("reader", False)):
        visitor = visitors()
        await visitor.sign_in(who)
        shown = await visitor.get(f"/-/trash?repository={SECRET}")
        assert any("tag=" in link for link in shown.links) is sees
    nothing = (await visitor.get("/-/trash?repository=no/such")).text
    assert shown.text.replace(SECRET, "no/such") == nothing


async def test_a_tag_goes_back_to_no_time_that_is_none(browser: Browser, people: People) -> None:
    await people.push_image(b"one", "v1")
    await people.push_image(b"two", "v1")
    path = f"/r/{HELLO}/-/tags/v1"
    form = (await browser.get(f"{path}/history")).form(f"{path}/move")
    for at in ("", "nan", "inf"):
        assert (await browser.post(f"{path}/move", {**form, "at": at})).status == 400

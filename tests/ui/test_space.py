"""Space, trash, history, events: what each shows, to whom, and what its forms do."""

from collections.abc import Callable

import pytest

from lading.core.digest import Digest
from lading.core.figures import LastPull
from lading.core.history import NotedRefusal
from lading.core.names import RepositoryName, Tag
from lading.edge.audit import RefusalObserver
from lading.metadata.shown import events
from lading.services import refusals as services_refusals
from lading.services.refusals import RefusalNotes
from lading.ui import plots
from lading.ui.application import pages
from lading.ui.sessions import PageDoorkeeper
from tests.support.contents import HELLO, image
from tests.support.people import DAY, People
from tests.ui.browsing import Browser

SECRET = RepositoryName("secret/plans")
HISTORY = f"/r/{HELLO}/-/tags/latest/history"


async def count(people: People) -> None:
    """Count all repositories, as the job does."""
    figures, now = people.metadata.figures, people.now
    ids = await figures.begin(after=0, limit=100)
    await figures.store({id_: await figures.count(id_, now=now) for id_ in ids})
    await people.metadata.samples.add(await people.metadata.samples.take(uploads=7, now=now))


async def fill(people: People) -> Digest:
    """Push two images, one of them where few may look; the digest of the other."""
    manifest = await people.push_image(b"x" * 5000, "latest")
    layer, config = b"y" * 9000, b"config"
    await people.push_blob(layer, SECRET)
    await people.push_blob(config, SECRET)
    await people.push(image(config, layer), "v1", repository=SECRET)
    return manifest.digest


async def test_space_of_an_empty_registry_says_when_to_look_again(browser: Browser) -> None:
    shown = await browser.get("/-/space")
    assert shown.status == 200
    assert "Nothing counted yet" in shown.text


async def test_space_tells_where_the_bytes_are(browser: Browser, people: People) -> None:
    await fill(people)
    await count(people)
    shown = await browser.get("/-/space")
    assert f"/r/{SECRET}" in shown.links
    assert "9.0 kB" in shown.text
    assert "saved by sharing" in shown.text
    assert {tag for tag, _ in shown.parsed.tags} >= {"svg", "polyline", "rect"}
    assert "Uploads 7 B" in shown.text


async def test_space_shows_no_sums_to_who_sees_a_part(
    visitors: Callable[[], Browser], people: People
) -> None:
    """They tell of what is in the rest."""
    await fill(people)
    await count(people)
    visitor, admin = visitors(), visitors()
    await visitor.sign_in("reader")
    shown = await visitor.get("/-/space")
    assert f"/r/{HELLO}" in shown.links
    assert "secret" not in shown.html
    assert "Where the bytes are" not in shown.text
    assert "next collection" not in shown.text
    await admin.sign_in("admin")
    assert f"/r/{SECRET}" in (await admin.get("/-/space")).links


async def test_space_tells_what_a_collection_would_take_and_why(
    browser: Browser, people: People
) -> None:
    digest = await fill(people)
    await people.delete(digest)
    assert "All that is here is needed" in (await browser.get("/-/space")).text
    people.now += people.window + DAY
    shown = await browser.get("/-/space")
    assert digest in shown.html
    assert "deleted" in shown.text


async def test_what_was_deleted_is_restored_with_one_form(browser: Browser, people: People) -> None:
    digest = await fill(people)
    await people.delete(digest)
    shown = await browser.get("/-/trash")
    assert "latest" in shown.text
    form = shown.form("/-/trash/restore")
    done = await browser.post("/-/trash/restore", form)
    assert (done.status, done.headers["location"]) == (303, "/-/trash?done=restored")
    assert await people.has("latest")
    assert "The trash is empty" in (await browser.get("/-/trash")).text
    assert (await browser.post("/-/trash/restore", form)).status == 404


async def test_a_repository_leads_to_its_trash_and_back(browser: Browser, people: People) -> None:
    await people.delete(await fill(people))
    trash = f"/-/trash?repository={HELLO.replace('/', '%2F')}"
    assert trash in (await browser.get(f"/r/{HELLO}")).links
    shown = await browser.get(trash)
    assert {f"/r/{HELLO}", "/?in=library%2F", "/-/trash"} <= set(shown.links)


async def test_the_trash_shows_what_the_visitor_sees_and_restores_where_it_may_push(
    visitors: Callable[[], Browser], people: People
) -> None:
    digest = await fill(people)
    await people.delete(digest)
    await people.delete("v1", SECRET)
    reader, writer = visitors(), visitors()
    await reader.sign_in("reader")
    shown = await reader.get("/-/trash")
    assert digest in shown.html
    assert "secret" not in shown.html
    assert "Restore" not in shown.text
    await writer.sign_in("writer")
    form = (await writer.get("/-/trash")).form("/-/trash/restore")
    other = {**form, "repository": SECRET, "reference": "v1"}
    assert (await writer.post("/-/trash/restore", other)).status == 403
    assert not await people.has("v1", SECRET)
    assert (await writer.post("/-/trash/restore", {**form, "csrf": "no"})).status == 403
    assert (await writer.post("/-/trash/restore", form)).status == 303
    assert (await visitors().get("/-/trash")).status == 200


async def test_a_bad_place_in_a_list_is_refused(browser: Browser) -> None:
    for path in ("/-/trash?tag=soon", "/-/events?before=nan", "/-/trash?repository=UPPER"):
        assert (await browser.get(path)).status in {400, 404}


async def test_a_tag_is_moved_back_to_where_it_led(browser: Browser, people: People) -> None:
    first = await fill(people)
    people.now += 10
    second = (await people.push_image(b"second", "latest")).digest
    shown = await browser.get(HISTORY)
    assert first in shown.html
    assert second in shown.html
    action = f"/r/{HELLO}/-/tags/latest/move"
    done = await browser.post(action, shown.form(action))
    assert done.headers["location"] == f"{HISTORY}?done=tag-moved"
    moves = await people.metadata.tags.history(HELLO, Tag("latest"), limit=9)
    assert [move.digest for move in moves] == [first, second, first]
    assert (await browser.post(action, {**shown.form(action), "at": "once"})).status == 400
    assert (await browser.get(f"/r/{HELLO}/-/tags/never/history")).status == 404


async def test_a_tag_cannot_be_moved_to_what_was_collected(
    browser: Browser, people: People
) -> None:
    await fill(people)
    people.now += 10
    await people.push_image(b"second", "latest")
    people.now += people.window + DAY
    await people.collect(untagged=True)
    shown = await browser.get(HISTORY)
    assert "collected since" in shown.text
    assert "Move back" not in shown.text


async def test_who_may_not_push_sees_the_history_and_no_way_back(
    visitor: Browser, people: People
) -> None:
    await fill(people)
    people.now += 10
    await people.push_image(b"second", "latest")
    await visitor.sign_in("reader")
    shown = await visitor.get(HISTORY)
    assert shown.status == 200
    assert "Move back" not in shown.text
    token = (await visitor.get("/")).form("/-/sign-out")["csrf"]
    moved = await visitor.post(f"/r/{HELLO}/-/tags/latest/move", {"csrf": token, "at": "0"})
    assert moved.status == 403


async def test_events_are_told_to_those_who_see_the_repository(
    visitors: Callable[[], Browser], people: People
) -> None:
    digest = await fill(people)
    await people.delete(digest)
    await people.metadata.pulls.note({(HELLO, "latest"): LastPull(people.now, "the-puller")})
    admin, reader, nobody = visitors(), visitors(), visitors()
    await admin.sign_in("admin")
    await reader.sign_in("reader")
    assert "v1" in (await admin.get("/-/events")).text
    assert "the-puller" in (await admin.get("/-/events?kind=pulls")).text
    for path in ("/-/events", "/-/events?kind=deletions", "/-/events?kind=pulls"):
        shown = await reader.get(path)
        assert f"/r/{HELLO}" in shown.links
        assert "secret" not in shown.html
        assert "the-puller" not in shown.html
        assert f"/r/{HELLO}" not in (await nobody.get(path)).links


async def test_events_are_read_page_by_page(browser: Browser, people: People) -> None:
    manifest = await people.push_image(b"one")
    await people.push(manifest, *(f"t{number}" for number in range(70)))
    first = await browser.get("/-/events")
    [more] = [link for link in first.links if "before=" in link]
    second = await browser.get(more)
    assert len([tag for tag, _ in first.parsed.tags if tag == "tr"]) == 51
    assert len([tag for tag, _ in second.parsed.tags if tag == "tr"]) == 21


def test_tiles_fill_the_map_in_proportion() -> None:
    tiles = plots.treemap([("team/large", 600), ("small", 300), ("other", 100), ("nothing", 0)])
    assert [tile.name for tile in tiles] == ["team/large", "small", "other"]
    area = plots.WIDTH * plots.HEIGHT
    for tile, share in zip(tiles, (0.6, 0.3, 0.1), strict=True):
        assert abs(tile.width * tile.height / area - share) < 0.01
    assert plots.treemap([]) == []
    (only,) = plots.treemap([("all of it", 10**16), ("a byte", 1)])
    assert only.name == "all of it"


def test_a_curve_of_one_time_is_a_line() -> None:
    assert plots.curve([(5.0, 10.0)], 10.0).line == "0.0,0.0 1000.0,0.0"
    assert plots.curve([], 0).line == ""


async def test_growth_tells_how_large_a_repository_was(browser: Browser, people: People) -> None:
    path = f"/r/{HELLO}/-/growth"
    assert (await browser.get(path)).status == 404
    await people.push_image(b"x" * 5000, "v0")
    assert "Nothing counted yet" in (await browser.get(path)).text
    for number in range(1, 4):
        await count(people)
        people.now += DAY
        await people.push_image(b"%d" % number * 5000, f"v{number}")
    await count(people)
    shown = await browser.get(path)
    assert [f"{size}.0 kB" in shown.text for size in (10, 20, 30, 40)] == [True] * 4
    assert "polyline" in shown.html


async def test_what_was_refused_is_told_to_who_runs_the_registry(
    visitors: Callable[[], Browser], people: People
) -> None:
    notes = RefusalNotes(people.metadata.refusals)
    stranger, admin = visitors(), visitors()
    for browser in (stranger, admin):
        rules = browser.permissions
        assert rules is not None
        doorkeeper = PageDoorkeeper(browser.parts, rules)
        browser._application = pages(browser.parts, doorkeeper, [RefusalObserver(notes)])
    await stranger.get(f"/r/{HELLO}")  # as all do before they sign in
    for _ in range(3):
        await stranger.sign_in("reader", "<wrong>")
    await stranger.sign_in("reader")
    await stranger.get("/-/users")
    await notes.write_down()
    await notes.write_down()
    assert "refused" not in (await stranger.get("/-/events?kind=refusals")).text
    await admin.sign_in("admin")
    shown = (await admin.get("/-/events?kind=refusals")).text
    assert "refused session.begin 3 times status 403 · from 192.0.2.1 somebody as “reader”" in shown
    assert "signed in session.begin status 303 · from 192.0.2.1 reader" in shown
    assert "refused page.users status 403 · from 192.0.2.1 reader" in shown
    assert shown.count("192.0.2.1") == 3


async def test_notes_of_refusals_are_bounded(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much somebody tries."""
    monkeypatch.setattr(services_refusals, "MOST_NOTED", 10)
    monkeypatch.setattr(events, "MOST_REFUSALS", 15)
    notes = RefusalNotes(people.metadata.refusals)
    for number in range(100):
        notes.note(NotedRefusal(1.0, "a", "", "", "", f"{number % 50}", "", 403, 1))
    for _ in range(2):
        await notes.write_down()
        notes.note(NotedRefusal(2.0, "a", "", "", "", "last", "", 403, 1))
    found = await people.metadata.refusals.page(before=2**62, limit=100)
    assert [(refusal.reference, refusal.times) for _, refusal in found][:2] == [
        ("last", 1),
        ("9", 2),
    ]
    for _ in range(9):
        for number in range(10):
            notes.note(NotedRefusal(3.0, "a", "", "", "", f"{number}", "", 403, 1))
        await notes.write_down()
    assert len(await people.metadata.refusals.page(before=2**62, limit=100)) == 15

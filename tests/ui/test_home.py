"""Home: the repositories that a visitor sees, in folders, by search; and the first push."""

import json
from collections.abc import Callable

import pytest

from lading.blobs.stores import Stores
from lading.core.access import Action
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions, Permissions
from lading.core.typing import T
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.asgi import Message
from lading.edge.options import EdgeOptions
from lading.edge.public_address import PublicAddress
from lading.edge.request import Request
from lading.metadata.metadata import Metadata
from lading.metadata.shown import figures, past_figures
from lading.ports.database import Work
from lading.services.shown import browse
from lading.services.shown.browse import MOST_PREFIXES
from lading.ui.context import UiParts
from lading.ui.pages import home
from tests.support.people import People
from tests.ui.browsing import Browser, Shown
from tests.ui.conftest import rule
from tests.ui.test_statements import counted

NAMES = ("library/hello", "library/other", "public/tool", "team/a/app", "team/b", "zoo")


async def push_all(people: People, *names: str) -> None:
    """Push an image of its own into each repository, a minute apart."""
    for name in names:
        await people.push_image(name.encode(), "v1", repository=RepositoryName(name))
        people.now += 60


async def count(people: People) -> None:
    """Have all figures counted, as a job does."""
    figures = people.metadata.figures
    ids = await figures.begin(after=0, limit=1000)
    await figures.store({id_: await figures.count(id_, now=people.now) for id_ in ids})


def listed(shown: Shown) -> list[str]:
    """The repositories that a page lists, in its order."""
    return [link.removeprefix("/r/") for link in shown.links if link.startswith("/r/")]


async def test_repositories_are_listed_by_name(browser: Browser, people: People) -> None:
    await push_all(people, *reversed(NAMES))
    assert listed(await browser.get("/")) == list(NAMES)


async def test_folders_lead_to_what_is_below_them(browser: Browser, people: People) -> None:
    await push_all(people, *NAMES)
    home = await browser.get("/")
    assert {"/?in=library%2F", "/?in=public%2F", "/?in=team%2F"} <= set(home.links)
    team = await browser.get("/?in=team/")
    assert listed(team) == ["team/a/app", "team/b"]
    assert "/?in=team%2Fa%2F" in team.links
    assert "/?in=team%2Fb%2F" not in team.links
    assert (await browser.get("/?in=../etc")).status == 400


@pytest.mark.parametrize(
    ("sort", "first", "last"), [("pushed", "zoo", "library/hello"), ("size", "team/a/app", "zoo")]
)
async def test_repositories_are_sorted_by_what_was_counted(
    browser: Browser, people: People, sort: str, first: str, last: str
) -> None:
    """What was not counted yet comes first: it is new."""
    await push_all(people, *NAMES)
    await people.push_blob(b"large" * 100, RepositoryName("team/a/app"))
    await count(people)
    shown = await browser.get(f"/?sort={sort}")
    assert listed(shown)[0] == first
    assert listed(shown)[-1] == last
    await push_all(people, "new/one")
    assert listed(await browser.get(f"/?sort={sort}"))[0] == "new/one"


@pytest.mark.parametrize("sort", ["name", "pushed", "size"])
async def test_a_long_list_goes_on(browser: Browser, people: People, sort: str) -> None:
    names = [f"many/n{number:03}" for number in range(205)]
    await push_all(people, *names)
    await count(people)
    found: list[str] = []
    path = f"/?sort={sort}"
    while path:
        shown = await browser.get(path)
        found += listed(shown)
        path = next((link for link in shown.links if "after=" in link), "")
        assert len(found) <= 205
    assert sorted(found) == names


async def test_words_are_looked_for_in_names(browser: Browser, people: People) -> None:
    await push_all(people, *NAMES, "a_b")
    assert listed(await browser.get("/?q=HELL")) == ["library/hello"]
    assert listed(await browser.get("/?q=_")) == ["a_b"]
    assert listed(await browser.get("/?q=%25")) == []
    assert "Nothing found" in (await browser.get("/?q=nowhere")).text


async def test_a_search_finds_tags_where_nobody_types(
    visitors: Callable[[], Browser], people: People
) -> None:
    """As what is typed does: whoever presses Enter finds no less."""
    await push_all(people, *NAMES)
    await people.push_image(b"other", "1.10.0")
    for name, is_found in (("reader", True), ("outsider", False)):
        visitor = visitors()
        await visitor.sign_in(name)
        shown = await visitor.get("/?q=1.10")
        assert ("/r/library/hello/-/tags/1.10.0" in shown.links) is is_found
        assert ("Nothing found" in shown.text) is not is_found
    visitor = visitors()
    await visitor.sign_in("admin")
    for folder, is_found in (("library/", True), ("public/", False)):
        shown = await visitor.get(f"/?q=1.10&in={folder}")
        assert ("/r/library/hello/-/tags/1.10.0" in shown.links) is is_found


async def test_of_very_many_tags_a_search_shows_the_first(browser: Browser, people: People) -> None:
    await people.push_image(b"one", *(f"v{number}" for number in range(40)))
    shown = await browser.get("/?q=v")
    assert "the first 30" in shown.text
    assert len([link for link in shown.links if "/-/tags/" in link]) == 30


async def test_totals_are_those_of_all_and_not_of_a_part(browser: Browser, people: People) -> None:
    await push_all(people, *NAMES)
    assert "stored" in (await browser.get("/")).text
    for query in ("?q=hello", "?q=nothing", "?in=library/"):
        assert "stored" not in (await browser.get(f"/{query}")).text


async def test_what_is_typed_is_found_among_names_and_tags(
    browser: Browser, people: People
) -> None:
    await push_all(people, *NAMES)
    await people.push_image(b"other", "hellish")
    found = json.loads((await browser.get("/-/search?q=hell")).html)["found"]
    assert found == [
        {"label": "library/hello", "href": "/r/library/hello"},
        {"label": "library/hello:hellish", "href": "/r/library/hello/-/tags/hellish"},
    ]
    assert json.loads((await browser.get("/-/search?q=")).html) == {"found": []}


async def test_nobody_learns_of_what_they_may_not_pull(
    visitors: Callable[[], Browser], people: People
) -> None:
    await push_all(people, *NAMES)
    for name, seen in (("reader", ["library/hello", "library/other"]), ("admin", list(NAMES))):
        visitor = visitors()
        assert listed(await visitor.get("/")) == ["public/tool"]
        await visitor.sign_in(name)
        rest = ["public/tool"] if name == "reader" else []
        for sort in ("name", "size", "pushed"):
            shown = await visitor.get(f"/?sort={sort}")
            assert sorted(listed(shown)) == sorted([*seen, *rest])
        found = json.loads((await visitor.get("/-/search?q=v1")).html)["found"]
        assert len(found) == len([*seen, *rest])


OFTEN_ASKED = 4
"""Statements of a page of somebody who sees a part: three, and who that is."""


@pytest.mark.parametrize("sort", ["name", "size", "pushed"])
async def test_who_sees_little_finds_it_all_at_once_whatever_lies_between(
    visitors: Callable[[], Browser],
    people: People,
    monkeypatch: pytest.MonkeyPatch,
    sort: str,
) -> None:
    """Not among the first so many of all, which may hold nothing of it."""
    monkeypatch.setattr(browse, "MORE_READS", (2,))
    monkeypatch.setattr(home, "ON_A_PAGE", 3)
    others = [f"many/n{number}" for number in range(10)]
    await push_all(people, "library/hello", *others, "public/tool", "library/other")
    await count(people)
    visitor = visitors()
    await visitor.sign_in("reader")
    with counted(people) as statements:
        shown = await visitor.get(f"/?sort={sort}")
    assert sorted(listed(shown)) == ["library/hello", "library/other", "public/tool"]
    assert len(statements) <= OFTEN_ASKED


@pytest.mark.parametrize("reads", [(), (5,), (5, 7)])
async def test_a_list_goes_on_where_rights_tell_little_of_how_names_begin(
    people: People, monkeypatch: pytest.MonkeyPatch, reads: tuple[int, ...]
) -> None:
    """So much of it is looked at for one page; there is a next one, and it has the rest."""
    monkeypatch.setattr(browse, "MORE_READS", reads)
    monkeypatch.setattr(home, "ON_A_PAGE", 2)
    names = [f"team{number:02}/{part}" for number in range(15) for part in "abcd"]
    await push_all(people, *names)
    permissions = CurrentPermissions(Permissions((rule("", "*/d", Action.PULL),)))
    found: list[str] = []
    path = "/"
    while path:
        shown = await Browser(UiParts(people.registry, EdgeOptions()), permissions).get(path)
        found += listed(shown)
        path = next((link for link in shown.links if "after=" in link), "")
        assert len(found) <= 15
    assert found == names[3::4]


async def test_what_is_rare_among_many_is_looked_for_by_three_statements(people: People) -> None:
    await push_all(people, *(f"team{number:03}/tool" for number in range(150)), "z/x")
    await count(people)
    permissions = CurrentPermissions(Permissions((rule("", "**/x", Action.PULL),)))
    with counted(people) as statements:
        shown = await Browser(UiParts(people.registry, EdgeOptions()), permissions).get("/")
    assert listed(shown) == ["z/x"]
    assert len(statements) <= 3


async def test_who_has_very_many_rights_sees_what_they_name(people: People) -> None:
    names = [f"team{number:02}/tool" for number in range(MOST_PREFIXES + 2)]
    await push_all(people, *names, "other/tool", "team00x/tool")
    rules = tuple(rule("", f"{name.partition('/')[0]}/**", Action.PULL) for name in names)
    permissions = CurrentPermissions(Permissions(rules))
    shown = await Browser(UiParts(people.registry, EdgeOptions()), permissions).get("/")
    assert listed(shown) == names


async def test_tags_are_found_among_those_of_others(
    visitors: Callable[[], Browser], people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "MOST_HITS", 2)
    await push_all(people, *(f"many/n{number}" for number in range(5)), "public/tool")
    found = json.loads((await visitors().get("/-/search?q=v1")).html)["found"]
    assert [hit["label"] for hit in found] == ["public/tool:v1"]


async def test_the_first_push_is_shown_for_this_address(people: People) -> None:
    address = PublicAddress.of("https://registry.test", "", ())
    secure = await Browser(UiParts(people.registry, EdgeOptions(address=address))).get("/")
    assert "docker push registry.test/hello:latest" in secure.text
    assert "insecure-registries" not in secure.text
    assert "docker login" not in secure.text
    assert "podman login" not in secure.text
    plain = await Browser(UiParts(people.registry, EdgeOptions())).get("/", host="other.test:5000")
    assert '{"insecure-registries": ["other.test:5000"]}' in plain.text
    local = await Browser(UiParts(people.registry, EdgeOptions())).get("/", host="localhost:5000")
    assert "insecure-registries" not in local.text


async def test_the_first_push_is_shown_to_who_may(visitors: Callable[[], Browser]) -> None:
    assert "Sign in to see what you may pull" in (await visitors().get("/")).text
    reader, writer = visitors(), visitors()
    await reader.sign_in("reader")
    assert "You may not push either" in (await reader.get("/")).text
    await writer.sign_in("writer")
    shown = await writer.get("/")
    assert "docker login -u writer registry.test" in shown.text
    # Podman has storage of its own, and need not have Docker beside it.
    for step in ("login --tls-verify=false -u writer registry.test", "pull docker.io/library"):
        assert f"podman {step}" in shown.text
    assert "docker push registry.test/library/hello:latest" in shown.text


@pytest.mark.parametrize("path", ["/", "/?sort=size", "/?q=a", "/r/zoo", "/r/zoo?sort=name"])
async def test_a_page_asks_the_database_three_times(
    browser: Browser, people: People, path: str
) -> None:
    """However much there is."""
    await push_all(people, *NAMES)
    await count(people)
    database = people.metadata.database
    assert isinstance(database, MemoryDatabase)
    statements: list[str] = []
    database._connection.set_trace_callback(statements.append)
    assert (await browser.get(path)).status == 200
    database._connection.set_trace_callback(None)
    asked = [text for text in statements if text.lstrip().startswith(("SELECT", "WITH"))]
    assert len(asked) <= 3, asked


@pytest.mark.parametrize(
    "place", ["1:99999999999999999999", "1:-99999999999999999999", "nan:1", "inf:1", "1e999:1", ":"]
)
@pytest.mark.parametrize("sort", ["name", "size", "pushed"])
async def test_a_place_that_is_none_is_none(
    browser: Browser, people: People, sort: str, place: str
) -> None:
    await push_all(people, *NAMES)
    await count(people)
    assert (await browser.get(f"/?sort={sort}&after={place}")).status == 200


async def no_body() -> Message:
    """Nothing: it is not read."""
    raise AssertionError


def test_nul_in_an_address_is_what_cannot_be_read() -> None:
    """PostgreSQL has no text with it, and refuses to look for one."""
    scope = {"method": "GET", "path": "/", "query_string": b"q=a%00b&%00=1&r=%2500", "headers": []}
    found = Request(scope, no_body).parameters
    assert found == {"q": ["a\x01b"], "\x01": ["1"], "r": ["%00"]}


async def test_nothing_is_looked_for_on_behalf_of_who_sees_nothing(
    people: People,
) -> None:
    """Strangers can ask for as much as they like."""
    await push_all(people, *NAMES)
    database = people.metadata.database
    assert isinstance(database, MemoryDatabase)
    browser = Browser(UiParts(people.registry, EdgeOptions()), CurrentPermissions(Permissions(())))
    statements: list[str] = []
    database._connection.set_trace_callback(statements.append)
    for path in ("/", "/?q=a", "/?in=team/&sort=size", "/-/search?q=a"):
        assert (await browser.get(path)).status == 200
    database._connection.set_trace_callback(None)
    assert statements == []


class WatchedMemory(MemoryDatabase):
    """A database in memory that notes which of its reads are long."""

    def __init__(self) -> None:
        super().__init__()
        self.scans = 0

    async def scan(self, work: Work[T]) -> T:
        self.scans += 1
        return await super().scan(work)


@pytest.mark.parametrize(
    ("path", "is_long"),
    [
        ("/", False),
        ("/?in=team/", False),
        ("/?sort=size", False),
        ("/?q=zz", True),
        ("/-/search?q=zz", True),
        ("/?in=team/&sort=size", True),
    ],
)
async def test_what_may_read_all_names_holds_nobody_up(path: str, is_long: bool) -> None:
    database = WatchedMemory()
    people = People(Metadata(database), Stores.in_memory())
    await push_all(people, *NAMES)
    await count(people)  # if not, what has changed is counted meanwhile
    before = database.scans
    assert (await Browser(UiParts(people.registry, EdgeOptions())).get(path)).status == 200
    assert (database.scans > before) is is_long
    await people.metadata.close()


async def test_who_has_just_pushed_sees_right_numbers_at_once(
    browser: Browser, people: People
) -> None:
    """No job has counted yet; nor has it when there is more, a moment later."""
    await people.push_image(b"x" * 5000, "latest")
    shown = await browser.get("/")
    assert "repository 1 tag 1 stored 10.0 kB" in shown.text
    assert "hello 1 10.0 kB" in shown.text
    assert "…" not in shown.text
    await people.push_image(b"y" * 9000, "v2")
    shown = await browser.get("/")
    assert "tags 2 stored 28.0 kB" in shown.text


async def test_a_large_repository_is_left_to_the_job(
    browser: Browser, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_OF_FEW", 3)
    await people.push_image(b"one", "latest")
    assert "…" in (await browser.get("/")).text
    monkeypatch.setattr(figures, "MOST_OF_FEW", 100)
    monkeypatch.setattr(past_figures, "MOST_SUMMED", 1)
    shown = await browser.get("/")
    assert "…" not in shown.text
    assert "stored" not in shown.text

"""What a page asks of the database: at most three statements, or a reason why it is more.

The rows come from the table of pages, so that a new one is tested from the day it is there. Who is
signed in is one more statement, of every page.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest

from lading.core.names import RepositoryName, Tag
from lading.databases.postgresql.transactions import PostgresqlConnection
from lading.databases.sqlite.memory import MemoryDatabase
from lading.edge.options import EdgeOptions
from lading.ports.database import Parameters, Rows
from lading.services.shown import tree_jobs
from lading.ui.context import UiParts
from lading.ui.routes import ROUTES
from tests.support.contents import HELLO, image, index
from tests.support.people import People
from tests.support.tars import archive
from tests.ui.browsing import Browser
from tests.ui.test_authorization import IMAGE, path_of
from tests.ui.test_inside import LOWER, UPPER
from tests.ui.test_space import count

MOST = 3
# Of these there are more, for a reason; none grows with the registry.
MORE = {
    # One for each kind of garbage, of those rows alone that are marked as such, and the figures.
    "/-/space": 8,
    # What falls is followed from reference to reference, all that is equally far at once: an index
    # to images, these to layers. No more than `freeing.FARTHEST` are in a row.
    f"/r/{HELLO}/-/tags/latest/delete": 8,
    f"/r/{HELLO}/-/images/1/delete": 8,
    # A directory is put together of those entries of each layer that are in it, and that hide any;
    # a search is one more, of however many layers.
    f"/r/{HELLO}/-/images/1/files": 8,
    f"/r/{HELLO}/-/images/1/layers/1/files": 7,
    f"/r/{HELLO}/-/images/1/layers/1/file": 4,
    f"/r/{HELLO}/-/images/1/layers/1/download": 4,
    # So are two, and all directories together that both have and are equally deep: four statements
    # for each of at most eight depths.
    f"/r/{HELLO}/-/compare/files": 16,
}
# Where there is nothing without a query, or without a file of users.
NOTHING_SAID = ("/file", "/download", "/compare/files", "/sign-in")
QUERIES = {
    "/": [
        "?sort=size",
        "?sort=pushed",
        "?q=a",
        "?in=library/",
        "?after=a",
        "?sort=size&in=folder/",
    ],
    f"/r/{HELLO}": [
        "?sort=name",
        "?q=1",
        "?q=1&sort=name",
        "?from=1",
        "?sort=name&after=v2",
        "?show=untagged",
        "?show=untagged&after=sha256:0",
    ],
    f"/r/{HELLO}/-/compare": ["?from=1.0&to=2.0", "?from=multi&to=multi"],
    f"/r/{HELLO}/-/compare/files": ["?from=1.0&to=2.0", "?from=1.0&to=2.0&path=etc"],
    f"/r/{HELLO}/-/images/{IMAGE}/files": ["?path=etc", "?q=a"],
    f"/r/{HELLO}/-/images/{IMAGE}/layers/1/files": ["?path=etc"],
    f"/r/{HELLO}/-/images/{IMAGE}/layers/1/file": ["?path=etc/motd"],
    f"/r/{HELLO}/-/images/{IMAGE}/layers/1/download": ["?path=etc/motd"],
    "/-/events": ["?kind=deletions", "?kind=pulls", "?kind=refusals", "?before=3"],
    "/-/trash": [f"?repository={HELLO}", "?manifest=9.0-1&tag=9.0-1"],
    "/-/search": ["?q=he"],
}


def paths() -> Iterator[str]:
    """Each page, as it comes and with what may be asked of it."""
    for route in ROUTES:
        if "GET" in route.endpoints:
            path = path_of(route.pattern.pattern)
            yield path
            yield from (path + query for query in QUERIES.get(path, []))


@contextmanager
def counted(people: People) -> Iterator[list[str]]:
    """The statements that run in the block, one after the other."""
    database = people.metadata.database
    assert isinstance(database, MemoryDatabase)
    statements: list[str] = []
    database._connection.set_trace_callback(statements.append)
    yield statements
    database._connection.set_trace_callback(None)


async def fill(people: People) -> None:
    """Push some of all that there is, and count it."""
    for tag, files in (("1.0", LOWER), ("2.0", UPPER)):
        await people.push_blob(b"one")
        await people.push_blob(layer := gzip.compress(archive(files), mtime=0))
        await people.push_blob(b"base")
        await people.push(image(b"one", layer, b"base"), tag)
    one = await people.push_image(b"one", "latest")
    other = await people.push_image(b"two", "two", shared=b"base")
    await people.push(index([one, other]), "multi")
    await people.push(image(b"one", b"one layer", subject=one))
    await people.push_image(b"gone", "old")
    await people.delete("old")
    for number in range(5):
        await people.push_image(b"more", "v1", repository=RepositoryName(f"folder/{number}"))
    await count(people)


async def test_a_page_asks_little(browser: Browser, people: People) -> None:
    await _asks_little(browser, people, partial(counted, people))


@pytest.mark.e2e
async def test_a_page_asks_as_little_of_postgresql(
    people_on_postgresql: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(UiParts(people_on_postgresql.registry, EdgeOptions()))
    statements: list[str] = []
    execute = PostgresqlConnection.execute

    def traced(self: PostgresqlConnection, statement: str, parameters: Parameters = ()) -> Rows:
        statements.append(statement)
        return execute(self, statement, parameters)

    @contextmanager
    def counting() -> Iterator[list[str]]:
        statements.clear()
        yield statements

    monkeypatch.setattr(PostgresqlConnection, "execute", traced)
    await _asks_little(browser, people_on_postgresql, counting)


async def _asks_little(
    browser: Browser, people: People, counting: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    await fill(people)
    image_of = (await people.metadata.manifests.find(HELLO, Tag("1.0"))) or image(b"")
    for _ in range(2):  # files of layers are found once somebody has looked
        await browser.get(f"/r/{HELLO}/-/images/{image_of.digest}/files")
        await browser.get(f"/r/{HELLO}/-/compare/files?from=1.0&to=2.0")
        await tree_jobs.find_asked(people.registry, "worker")
    asked: dict[str, int] = {}
    for path in (path.replace(IMAGE, image_of.digest) for path in paths()):
        await browser.get(path)  # what is asked once: configurations
        with counting() as statements:
            shown = await browser.get(path)
        assert shown.status in {200, 303} or path.endswith(NOTHING_SAID) or "/config/" in path
        page = path.partition("?")[0].replace(image_of.digest, "1")
        asked[page] = max(asked.get(page, 0), len(statements))
    more = {page: most for page, most in asked.items() if most > MOST}
    assert set(more) == set(MORE)
    assert {page: most for page, most in more.items() if most > MORE[page]} == {}


async def ship(people: People, count: int) -> str:
    """Push an index of so many images of so many layers each, with as much about it.

    The last layer has as many directories, each with a file; all that is known before the page.
    """
    name = str(count).encode()
    layers = [gzip.compress(archive({f"etc/{at}": b""}), mtime=0) for at in range(count - 1)]
    layers.append(gzip.compress(archive({f"srv/{at}/{at}": name for at in range(count)}), mtime=0))
    configs = [name + b" %d" % at for at in range(count)]
    for blob in (*layers, *configs):
        await people.push_blob(blob)
    images = [image(config, *layers) for config in configs]
    for each in images:
        await people.push(each)
    every = index(images)
    await people.push(every, f"multi{count}")
    await people.push(images[-1], f"last{count}")
    for config in configs:
        await people.push(image(config, subject=every))
    return images[-1].digest


async def test_how_much_is_asked_does_not_grow_with_what_an_image_has(
    browser: Browser, people: People
) -> None:
    """However many layers it has and others share, images an index, directories a layer."""
    lengths = []
    for many in (3, 12):
        digest = await ship(people, many)
        images, first = f"/r/{HELLO}/-/images/{digest}", await ship(people, 2)
        paths = (
            f"/r/{HELLO}/-/tags/multi{many}/delete",
            f"{images}/files?path=etc",
            f"{images}/layers/2/files?path=etc",
            f"/r/{HELLO}/-/compare/files?from={first}&to=last{many}",
        )
        for path in paths * 2:
            await browser.get(path)
            await tree_jobs.find_asked(people.registry, "worker")
        with counted(people) as statements:
            for path in paths:
                assert (await browser.get(path)).status == 200
        lengths.append(len(statements))
    assert lengths[0] == lengths[1]


async def test_who_is_signed_in_is_one_more(visitor: Browser, people: People) -> None:
    await fill(people)
    await visitor.sign_in("admin")
    with counted(people) as statements:
        await visitor.get(f"/r/{HELLO}")
    assert len(statements) == MOST + 1


async def test_how_much_is_asked_does_not_grow_with_what_is_there(
    browser: Browser, people: People
) -> None:
    """Of a list, that is; of each row as much as of one."""
    lengths = []
    for _ in range(2):
        await fill(people)
        for number in range(30):
            await people.push_image(str(number).encode(), f"v{number}")
        await count(people)
        with counted(people) as statements:
            for path in ("/", f"/r/{HELLO}", f"/r/{HELLO}?sort=name", f"/r/{HELLO}/-/tags/1.0"):
                assert (await browser.get(path)).status == 200
        lengths.append(len(statements))
    assert lengths[0] == lengths[1]

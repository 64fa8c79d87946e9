"""Every page and every form, for every kind of visitor: who gets in, and who changes nothing.

The rows come from the table of pages, so that a new one is tested from the day it is there. What
each needs is written down here a second time. Forms come with a good token of the visitor's own.
"""

import re
from collections.abc import Callable, Iterator

import pytest

from lading.auth.kept_logins import KeptLogins
from lading.core.errors import Unavailable
from lading.core.names import RepositoryName
from lading.databases.sqlite.memory import MemoryDatabase
from lading.ui.routes import DIGEST, REPOSITORY, ROUTES, TAG
from tests.support.contents import image
from tests.support.people import People
from tests.ui.browsing import Browser, Shown

NAME = "library/hello"
IMAGE = image(b"one", b"one layer").digest

# What a page outside of all repositories needs; a new one has to be added.
OUTSIDE = {
    "/": "nothing",
    "/-/static/0123456789abcdef/style.css": "nothing",
    "/-/search": "nothing",
    "/-/sign-in": "nothing",
    "/-/sign-out": "nothing",
    "/-/space": "nothing",
    "/-/trash": "nothing",
    "/-/trash/restore": "push",
    "/-/events": "nothing",
    "/-/robots": "admin",
    "/-/robots/revoke": "admin",
    "/-/users": "admin",
}
# What one of a repository needs beyond pull, by the end of its path.
INSIDE = {"/delete": {"pull", "delete"}, "/move": {"pull", "push"}}

MAY = {
    "": set(),
    "reader": {"pull"},
    "writer": {"pull", "push"},
    "deleter": {"pull", "delete"},
    "outsider": set(),
    "admin": {"pull", "push", "delete", "admin"},
}


def path_of(pattern: str) -> str:
    """A path that a pattern matches, about what is there."""
    path = pattern.replace(REPOSITORY, f"/r/{NAME}").replace(DIGEST, IMAGE).replace(TAG, "latest")
    static = "/-/static/0123456789abcdef/style.css"
    return static if "static" in path else re.sub(r"\(\?P<detail>.*?\)(?=/|$)", "1", path)


def rows() -> Iterator[tuple[str, str]]:
    """Each method and path of the table."""
    for route in ROUTES:
        path = path_of(route.pattern.pattern)
        assert route.pattern.fullmatch(path), path
        for method in route.endpoints:
            yield method, path


def needs(method: str, path: str) -> set[str]:
    """What a visitor must be allowed to do."""
    if path in OUTSIDE:
        return {OUTSIDE[path]} - {"nothing"}
    end = next((end for end in INSIDE if path.endswith(end)), "")
    wanted = INSIDE.get(end, {"pull"})
    # A form asks again, so it needs what it does and no more.
    return wanted - {"pull"} if method == "POST" and end == "/delete" else wanted


def is_refused(shown: Shown, name: str) -> bool:
    """Whether a visitor was refused: sent to sign in, or told that it may not."""
    if not name and shown.status == 303:
        return "/-/sign-in" in shown.headers["location"]
    return shown.status == 403


def rows_of(people: People) -> list[str]:
    """All that is in the database, but who is signed in."""
    database = people.metadata.database
    assert isinstance(database, MemoryDatabase)
    dump = database._connection.iterdump()
    return [line for line in dump if "sessions" not in line]


@pytest.mark.parametrize("name", MAY)
@pytest.mark.parametrize(("method", "path"), list(rows()))
async def test_everyone_sees_and_does_what_the_rules_allow(
    visitors: Callable[[], Browser], people: People, method: str, path: str, name: str
) -> None:
    await people.push_image(b"one", "latest", repository=RepositoryName(NAME))
    visitor = visitors()
    if name:
        await visitor.sign_in(name)
    token = (await visitor.get("/" if name else "/-/sign-in")).parsed.forms[0][1]["csrf"]
    before = rows_of(people)
    if method == "POST":
        shown = await visitor.post(path, {"csrf": token, "repository": NAME, "reference": "latest"})
    else:
        shown = await visitor.ask(method, path)
    if needs(method, path) <= MAY[name]:
        assert not is_refused(shown, name) or path == "/-/sign-in"
        assert shown.status < 500
    else:
        assert is_refused(shown, name), shown.text
        assert rows_of(people) == before


async def test_a_form_without_a_token_is_refused_to_everyone(
    visitors: Callable[[], Browser], people: People
) -> None:
    await people.push_image(b"one", "latest", repository=RepositoryName(NAME))
    visitor = visitors()
    await visitor.sign_in("admin")
    before = rows_of(people)
    for method, path in rows():
        if method == "POST":
            assert (await visitor.post(path, {"csrf": ""})).status == 403, path
    assert rows_of(people) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/-/nowhere", 404),
        ("GET", "/r/UPPER", 404),
        ("GET", "/r/library/nothing", 404),
        ("PUT", "/-/space", 405),
        ("POST", "/-/robots", 400),  # and what is sent is no form
    ],
)
async def test_the_page_of_an_error_has_the_frame_of_whoever_is_signed_in(
    visitors: Callable[[], Browser], method: str, path: str, status: int
) -> None:
    admin, nobody = visitors(), visitors()
    await admin.sign_in("admin")
    shown = await admin.ask(method, path)
    assert shown.status == status
    assert {"/-/robots", "/-/users"} <= set(shown.links)
    assert shown.form("/-/sign-out")
    links = (await nobody.ask(method, path)).links
    assert not {"/-/robots", "/-/users"} & set(links)


async def test_a_refusal_has_the_frame_of_whoever_is_refused(visitor: Browser) -> None:
    await visitor.sign_in("reader")
    shown = await visitor.get("/-/users")
    assert shown.status == 403
    assert shown.form("/-/sign-out")
    assert "/-/users" not in shown.links


async def test_a_page_of_an_error_needs_no_database(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be found out of who looks at it is left out, and what went wrong is said."""
    await visitor.sign_in("admin")

    async def fail(*_: object) -> None:
        raise Unavailable("the database is gone")

    monkeypatch.setattr(KeptLogins, "find", fail)
    assert (await visitor.get("/-/nowhere")).status == 404
    assert (await visitor.get("/-/users")).status == 503

"""Who may look at pages: signing in, what a session is worth, what other sites can do."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lading.auth.logins import Logins
from lading.auth.user_files import FileUsers, PasswordChecker, UserFile
from lading.core.names import RepositoryName
from lading.core.permissions import CurrentPermissions, Permissions
from lading.core.secret_texts import hash_of
from lading.edge.options import EdgeOptions
from lading.edge.public_address import PublicAddress
from lading.metadata.logins.kept_logins import MOST_SESSIONS, KeptLogin
from lading.ui import sessions
from lading.ui.context import UiParts
from lading.ui.cookies import SESSION, new_secret
from tests.support.guarded import write_users
from tests.support.people import DAY, People
from tests.ui.browsing import HOST, Browser
from tests.ui.conftest import RULES

Visitors = Callable[[], Browser]


async def test_who_signs_in_is_known_on_every_page(visitor: Browser) -> None:
    answer = await visitor.sign_in("reader")
    assert (answer.status, answer.headers["location"]) == (303, "/?done=signed-in")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    home = await visitor.get("/?done=signed-in")
    assert "Signed in as reader" in home.text
    assert "You are signed in." in home.text


@pytest.fixture
def visitor_over_https(people: People, users: Path) -> Iterator[Browser]:
    """A browser that reaches the registry by HTTPS; nobody is signed in."""
    with closing(UserFile(users)) as file, closing(PasswordChecker()) as checker:
        address = PublicAddress.of("https://registry.test", "", ())
        logins = Logins(FileUsers(file, checker))
        parts = UiParts(people.registry, EdgeOptions(address=address), logins, is_open=False)
        yield Browser(parts, CurrentPermissions(Permissions(())))


async def test_over_https_the_cookie_is_of_this_host_alone(visitor_over_https: Browser) -> None:
    """And what another host of the domain could have set does not count."""
    cookie = (await visitor_over_https.sign_in("reader")).headers["set-cookie"]
    assert "Secure" in cookie.split("; ")
    assert "Signed in as" in (await visitor_over_https.get("/")).text
    secret = visitor_over_https.cookies.pop(f"__Host-{SESSION}")
    visitor_over_https.cookies[SESSION] = secret
    assert "Signed in as" not in (await visitor_over_https.get("/")).text


async def test_the_secret_is_kept_nowhere(visitor: Browser, people: People) -> None:
    await visitor.sign_in("reader")
    secret = visitor.cookies[SESSION]
    assert len(secret) == 43
    found = await people.metadata.page_sessions.find(hash_of(secret), now=people.now)
    assert found is not None
    assert secret not in repr(found)


async def test_a_wrong_password_begins_nothing(visitor: Browser) -> None:
    answer = await visitor.sign_in("reader", "wrong")
    assert answer.status == 403
    assert "The name or the password is wrong." in answer.text
    assert SESSION not in visitor.cookies
    assert answer.form("/-/sign-in")["name"] == "reader"


async def test_a_session_is_never_one_that_was_there_before(
    visitor: Browser, people: People
) -> None:
    """Whoever plants a cookie in somebody's browser knows nothing of what comes after it."""
    visitor.cookies[SESSION] = planted = new_secret()
    await visitor.sign_in("reader")
    first = visitor.cookies[SESSION]
    assert first != planted
    await visitor.get("/-/sign-in")
    form = {"csrf": (await visitor.get("/")).form("/-/sign-out")["csrf"]}
    await visitor.post("/-/sign-in", {**form, "name": "writer", "password": "writer-password"})
    assert visitor.cookies[SESSION] != first
    for gone in (planted, first):
        assert await people.metadata.page_sessions.find(hash_of(gone), now=people.now) is None


async def test_a_session_ends_with_the_password(
    visitor: Browser, users: Path, people: People
) -> None:
    await visitor.sign_in("reader")
    assert "Signed in as" in (await visitor.get("/")).text
    write_users(users, "reader")  # with another salt
    os.utime(users, (people.now, people.now))
    assert "Signed in as" not in (await visitor.get("/")).text


async def test_a_session_ends_by_itself(visitor: Browser, people: People) -> None:
    await visitor.sign_in("reader")
    people.now += sessions.LIFETIME - 1
    assert "Signed in as" in (await visitor.get("/")).text
    people.now += 1
    assert "Signed in as" not in (await visitor.get("/")).text


async def test_a_session_that_a_clock_ahead_has_begun_is_over(
    visitors: Visitors, people: People
) -> None:
    """Nor does it push out the ones of now, however many there are."""
    people.now += 3650 * DAY
    old = visitors()
    await old.sign_in("reader")
    secrets = [new_secret() for _ in range(MOST_SESSIONS)]
    for secret in secrets:
        ends = people.now + sessions.LIFETIME
        later = KeptLogin(hash_of(secret), "reader", "stamp", ends)
        await people.metadata.page_sessions.add(later, now=people.now)
    people.now -= 3650 * DAY
    assert "Signed in as" not in (await old.get("/")).text
    await old.sign_in("reader")
    assert "Signed in as" in (await old.get("/")).text


async def test_signing_out_ends_it_for_every_copy_of_the_cookie(visitors: Visitors) -> None:
    visitor, copy = visitors(), visitors()
    await visitor.sign_in("reader")
    copy.cookies = dict(visitor.cookies)
    form = (await visitor.get("/")).form("/-/sign-out")
    answer = await visitor.post("/-/sign-out", form)
    assert answer.status == 303
    assert SESSION not in visitor.cookies
    assert "Signed in as" not in (await copy.get("/")).text


@pytest.mark.parametrize(
    ("next_", "location"),
    [
        ("/r/library/hello?q=1", "/r/library/hello?q=1"),
        ("//elsewhere.test/", "/?done=signed-in"),
        ("/\\elsewhere.test/", "/?done=signed-in"),
        ("https://elsewhere.test/", "/?done=signed-in"),
        ("/a\r\nSet-Cookie: x=y", "/?done=signed-in"),
    ],
)
async def test_the_way_back_is_on_this_address(visitor: Browser, next_: str, location: str) -> None:
    form = (await visitor.get("/-/sign-in")).form("/-/sign-in")
    fields = {**form, "name": "reader", "password": "reader-password", "next": next_}
    assert (await visitor.post("/-/sign-in", fields)).headers["location"] == location


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://elsewhere.test"},
        {"origin": "null"},
    ],
)
async def test_a_form_of_another_site_does_nothing(
    visitor: Browser, headers: dict[str, str]
) -> None:
    await visitor.sign_in("reader")
    form = (await visitor.get("/")).form("/-/sign-out")
    assert (await visitor.post("/-/sign-out", form, **headers)).status == 403
    assert "Signed in as" in (await visitor.get("/")).text
    own = {"origin": f"http://{HOST}"}
    assert (await visitor.post("/-/sign-out", form, **own)).status == 303


async def test_over_https_a_page_without_it_sends_no_form(visitor_over_https: Browser) -> None:
    """Whoever sits in between could have written it."""
    await visitor_over_https.sign_in("reader")
    form = (await visitor_over_https.get("/")).form("/-/sign-out")
    refused = await visitor_over_https.post("/-/sign-out", form, origin="http://registry.test")
    taken = await visitor_over_https.post("/-/sign-out", form, origin="https://registry.test")
    assert (refused.status, taken.status) == (403, 303)


async def test_a_form_needs_the_token_of_its_own_browser(visitors: Visitors) -> None:
    one, other = visitors(), visitors()
    await one.sign_in("reader")
    await other.sign_in("writer")
    stolen = (await other.get("/")).form("/-/sign-out")
    for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}, stolen):
        assert (await one.post("/-/sign-out", fields)).status == 403
    assert "Signed in as reader" in (await one.get("/")).text


async def test_nobody_is_signed_in_by_another_site(visitor: Browser) -> None:
    """Its form has no token that this browser was given."""
    fields = {"name": "writer", "password": "writer-password"}
    assert (await visitor.post("/-/sign-in", fields)).status == 403
    assert SESSION not in visitor.cookies


async def test_a_password_of_the_request_counts_for_nothing(visitor: Browser) -> None:
    """A browser sends it of its own accord, to whoever makes it."""
    shown = await visitor.get("/", authorization="Basic cmVhZGVyOnJlYWRlci1wYXNzd29yZA==")
    assert "Signed in as" not in shown.text


async def test_where_nobody_signs_in_there_is_no_form(browser: Browser) -> None:
    assert (await browser.get("/-/sign-in")).status == 404
    assert "Sign in" not in (await browser.get("/")).text


async def test_what_a_page_says_was_done_is_not_in_its_address(browser: Browser) -> None:
    shown = await browser.get("/?done=Send%20your%20password%20to%20me")
    assert "Send your password" not in shown.text


async def test_old_sessions_go_when_a_new_one_comes(visitor: Browser, people: People) -> None:
    await visitor.sign_in("reader")
    first = visitor.cookies.pop(SESSION)
    people.now += 8 * DAY
    await visitor.sign_in("reader")
    assert await people.metadata.page_sessions.find(hash_of(first), now=0) is None


@pytest.mark.parametrize("headers", [{"origin": "http://["}, {"origin": "null"}, {"host": "[:::]"}])
async def test_a_form_from_what_is_no_address_does_nothing(
    visitor: Browser, headers: dict[str, str]
) -> None:
    form = (await visitor.get("/-/sign-in")).form("/-/sign-in")
    fields = {**form, "name": "reader", "password": "reader-password"}
    answer = await visitor.post("/-/sign-in", fields, **{"origin": "http://[::1]", **headers})
    assert answer.status == 403


async def test_a_session_ends_with_its_user(visitor: Browser, users: Path, people: People) -> None:
    """And is none of another user's who is given the same name, and a password, later."""
    await visitor.sign_in("reader")
    for names in (["writer"], ["reader", "writer"]):
        write_users(users, *names)
        os.utime(users, (people.now + len(names), people.now + len(names)))
        assert "Signed in as" not in (await visitor.get("/")).text
        assert (await visitor.get("/r/library/hello")).status == 303


async def test_other_rules_count_from_the_next_page_on(visitors: Visitors, people: People) -> None:
    """For what is shown as for what is sent, by a form that was there before."""
    await people.push_image(b"one", "latest", repository=RepositoryName("library/hello"))
    deleter = visitors()
    await deleter.sign_in("deleter")
    path = "/r/library/hello/-/tags/latest/delete"
    form = (await deleter.get(path)).form(path)
    assert deleter.permissions is not None
    deleter.permissions.value = Permissions(RULES[:1])
    assert (await deleter.post(path, form)).status == 403
    assert (await deleter.get("/r/library/hello")).status == 403
    assert await people.has("latest", RepositoryName("library/hello"))


async def test_a_form_that_was_sent_is_worth_nothing_after_its_session(visitor: Browser) -> None:
    """Neither after it was signed out, nor in the next one; sent twice it does no more."""
    await visitor.sign_in("reader")
    form = (await visitor.get("/")).form("/-/sign-out")
    before = dict(visitor.cookies)
    statuses = [(await visitor.post("/-/sign-out", form)).status]
    visitor.cookies = dict(before)
    statuses.append((await visitor.post("/-/sign-out", form)).status)
    await visitor.sign_in("reader")
    statuses.append((await visitor.post("/-/sign-out", form)).status)
    assert statuses == [303, 403, 403]
    assert "Signed in as reader" in (await visitor.get("/")).text


async def test_of_two_sessions_in_one_browser_none_is_of_another_host(
    people: People, users: Path
) -> None:
    """Another host of the domain can set a cookie of the same name, and have it sent first."""
    with closing(UserFile(users)) as file, closing(PasswordChecker()) as checker:
        address = PublicAddress.of("https://registry.test", "", ())
        logins = Logins(FileUsers(file, checker))
        parts = UiParts(people.registry, EdgeOptions(address=address), logins, is_open=False)
        victim, attacker = (Browser(parts, CurrentPermissions(Permissions(()))) for _ in range(2))
        await victim.sign_in("reader")
        await attacker.sign_in("writer")
        theirs, own = (each.cookies[f"__Host-{SESSION}"] for each in (attacker, victim))
        for cookie in (
            f"{SESSION}={theirs}; __Host-{SESSION}={own}",
            f"__Host-{SESSION}=x; __Host-{SESSION}={own}",
            f"__host-{SESSION}={theirs}; __Host-{SESSION}={own}",
        ):
            assert "Signed in as reader" in (await victim.get("/", cookie=cookie)).text

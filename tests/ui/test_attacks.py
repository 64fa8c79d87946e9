"""What somebody tries who means harm, against pages of a server that runs."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest

from lading.ui.cookies import SESSION, VISITOR
from tests.support.client import FORM, Answer
from tests.support.guarded import SERVICE, Guarded, basic, guarded_registry
from tests.support.pushes import Repository
from tests.ui.browser.cargo import PushingClient, push_image
from tests.ui.browser.house import PUBLIC, addresses
from tests.ui.surfing import Surfer

ELSEWHERE = "https://elsewhere.test"
# Pages of a digest, which are the same for everybody who may see them.
IMMUTABLE = {"ui_manifest", "ui_config", "ui_static"}
PRIVATE = "team/service"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A registry with users, and with images that all of them see, and some."""
    directory = tmp_path_factory.mktemp("attacked")
    with guarded_registry(directory, limits={"failedlogins": 1000}) as guarded:
        admin = PushingClient(guarded.client.host, authorization=basic("admin"))
        for tag in ("1.0", "1.1"):
            push_image(Repository(admin, PUBLIC), tag, version=tag)
        push_image(Repository(admin, PRIVATE), "1.0", version="secret")
        yield guarded


@pytest.fixture
def surfer(guarded: Guarded) -> Surfer:
    return Surfer(guarded.client)


@pytest.fixture(scope="module")
def pages(guarded: Guarded) -> dict[str, str]:
    """The address of each page, by its name."""
    path = f"/v2/{PUBLIC}/manifests/1.0"
    manifest = guarded.client.ask("GET", path, authorization=basic("admin"))
    digest = manifest.headers["docker-content-digest"]
    return dict(addresses(digest, manifest.json["config"]["digest"]))


def guess(surfer: Surfer, by: str, password: str) -> int:
    """Guess a password in one of the three ways there are; the status of the answer."""
    if by == "page":
        return surfer.sign_in("admin", password).status
    path = f"/token?service={SERVICE}" if by == "token" else "/v2/_catalog"
    return surfer.client.ask("GET", path, authorization=basic("admin", password)).status


@pytest.mark.parametrize("by", ["page", "basic"])
def test_whoever_guesses_in_one_way_is_braked_in_all(tmp_path: Path, by: str) -> None:
    """One worker, as each counts for itself."""
    http, limits = {"addr": "127.0.0.1:0", "workers": 1}, {"failedlogins": 3}
    with guarded_registry(tmp_path, http=http, limits=limits) as guarded:
        surfer, passwords = Surfer(guarded.client), (f"guess {number}" for number in count())
        refused = 403 if by == "page" else 401
        statuses = [guess(surfer, by, next(passwords)) for _ in range(8)]
        assert statuses[:3] == [refused] * 3
        assert statuses[-1] == 429
        for way in ("page", "token", "basic"):
            assert guess(surfer, way, next(passwords)) == 429, way
        answer = surfer.sign_in("admin")  # right, but it might be a guess
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
        assert b'role="alert"' in answer.body
        assert b"guess" not in answer.body
        assert SESSION not in surfer.cookies


def test_a_planted_cookie_is_worth_nothing_after_a_sign_in(guarded: Guarded) -> None:
    """Neither the session is that of who planted it, nor can it send forms by its token."""
    attacker, victim = Surfer(guarded.client), Surfer(guarded.client)
    planted_token = attacker.token()
    planted = {SESSION: "a" * 43, VISITOR: attacker.cookies[VISITOR]}
    victim.cookies |= planted
    assert victim.sign_in("admin").status == 303
    assert victim.cookies[SESSION] != planted[SESSION]
    attacker.cookies[SESSION] = planted[SESSION]
    assert (victim.user, attacker.user) == ("admin", "")
    forged = victim.post("/-/sign-out", {"csrf": planted_token})
    assert (forged.status, victim.user) == (403, "admin")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ELSEWHERE},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "http://{host}.elsewhere.test"},
        {"origin": "http://elsewhere.test@{host}"},
        {"origin": "http://{name}:1"},
        {"referer": f"{ELSEWHERE}/{{host}}"},
        {"referer": "http://["},
        {"sec_fetch_site": "cross-site", "origin": "http://{host}"},
        {"sec_fetch_site": "same-site", "origin": "http://{host}"},
        {"sec_fetch_site": "none"},
        {"content_type": "text/plain"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "application/json"},
    ],
)
def test_another_site_sends_no_form_though_it_knows_the_token(
    surfer: Surfer, headers: dict[str, str]
) -> None:
    surfer.sign_in("admin")
    host = surfer.client.host
    given = {
        name: value.format(host=host, name=host.partition(":")[0])
        for name, value in headers.items()
    }
    for path in ("/-/sign-out", f"/r/{PRIVATE}/-/tags/1.0/delete"):
        assert surfer.post(path, {}, **given).status in {400, 403}
    assert surfer.user == "admin"
    assert surfer.get(f"/r/{PRIVATE}/-/tags/1.0").status == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://{host}"}, {"referer": "http://{host}/r/x"}, {"referer": ""}],
)
def test_a_form_of_ones_own_is_taken(surfer: Surfer, headers: dict[str, str]) -> None:
    surfer.sign_in("reader")
    given = {name: value.format(host=surfer.client.host) for name, value in headers.items()}
    assert surfer.post("/-/sign-out", {}, **given).status == 303
    assert surfer.user == ""


def test_a_token_is_of_one_session_alone(guarded: Guarded) -> None:
    one, other, nobody = (Surfer(guarded.client) for _ in range(3))
    one.sign_in("admin")
    before = one.token()
    other.sign_in("admin")  # the same person, at another machine
    for token in (other.token(), nobody.token(), "0" * 64, "é", before[:-1]):
        assert one.post("/-/sign-out", {"csrf": token}).status == 403
    one.sign_in("admin")
    assert one.post("/-/sign-out", {"csrf": before}).status == 403
    body = f"csrf={one.token()}&csrf=x".encode()
    for path in (f"/-/sign-out?csrf={one.token()}", "/-/sign-out"):
        sent = body[:0] if "?" in path else b"csrf=x&" + body
        assert one.ask("POST", path, sent, content_type=FORM).status == 403
    assert one.user == "admin"


def test_no_page_can_be_put_into_that_of_another_site(
    surfer: Surfer, pages: dict[str, str]
) -> None:
    surfer.sign_in("admin")
    for path in (*pages.values(), "/-/no-such-page", "/r/no/such/-/tags/x", "/-/sign-out"):
        answer = surfer.get(path)
        if "text/html" in answer.headers.get("content-type", "") or answer.status >= 400:
            assert answer.headers["x-frame-options"] == "DENY", path
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff", path


@pytest.mark.parametrize("name", ["", "admin"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_cache_gives_to_one_what_another_saw(
    surfer: Surfer, pages: dict[str, str], method: str, name: str
) -> None:
    if name:
        surfer.sign_in(name)
    kept = set()
    for page, path in pages.items():
        answer = surfer.ask(method, path)
        if answer.headers["cache-control"] == "no-store":
            continue
        kept.add(page)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["set-cookie"] is None
        assert page == "ui_static" or "Cookie" in answer.headers["vary"]
        assert b"csrf" not in answer.body
    assert kept == ({"ui_static"} if name else IMMUTABLE)


def test_the_first_page_and_the_answer_to_programs_are_told_apart(surfer: Surfer) -> None:
    for kind in ("text/html", "*/*"):
        assert "Accept" in surfer.get("/", accept=kind).headers["vary"]


def test_what_is_private_is_kept_nowhere(surfer: Surfer) -> None:
    """Not when it is refused, nor when it is seen, nor in what leads to where one signs in."""
    path = f"/v2/{PRIVATE}/manifests/1.0"
    manifest = surfer.client.ask("GET", path, authorization=basic("admin"))
    raw = f"/r/{PRIVATE}/-/images/{manifest.headers['docker-content-digest']}/raw"
    for name in ("", "outsider", "admin"):
        if name:
            surfer.sign_in(name)
        answer = surfer.get(raw)
        assert answer.status == {"": 303, "outsider": 403, "admin": 200}[name]
        assert answer.headers["cache-control"] == "no-store"
        assert (b"secret" in answer.body) is False


@pytest.mark.parametrize(
    "wanted",
    [
        "//elsewhere.test",
        "///elsewhere.test",
        "/\\elsewhere.test",
        "\\\\elsewhere.test",
        "https:elsewhere.test",
        "https:///elsewhere.test",
        "/\t/elsewhere.test",
        "/\n/elsewhere.test",
        " //elsewhere.test",
        "/.//elsewhere.test",
        "/%2f/elsewhere.test",
        "javascript:alert(1)",
        "@elsewhere.test",
        ".elsewhere.test",
        "/r/a\r\nX-Injected: 1",
        "/r/é",
    ],
)
def test_who_signs_in_comes_back_to_this_address(guarded: Guarded, wanted: str) -> None:
    surfer = Surfer(guarded.client)
    asked = surfer.get(f"/-/sign-in?next={quote(wanted)}")
    assert asked.status == 200
    answer = surfer.sign_in("reader", back=wanted)
    assert answer.status == 303
    assert answer.headers["x-injected"] is None
    base = f"http://{guarded.client.host}/-/sign-in"
    # As browsers read it: what cannot be seen goes, and slashes lean either way.
    location = re.sub(r"[\t\r\n]", "", answer.headers["location"]).replace("\\", "/").strip()
    assert urlsplit(urljoin(base, location)).netloc == guarded.client.host
    assert not location.startswith("//")


@pytest.mark.parametrize("end", ["%0d%0aX-Injected:%201", "%0aX-Injected:%201", "%00", "é", "%ff"])
def test_nothing_of_an_address_becomes_a_header(
    surfer: Surfer, pages: dict[str, str], end: str
) -> None:
    surfer.sign_in("admin")
    end = quote(end, safe="%")
    download = pages["ui_layer_download"]
    for path in (
        f"/r/{PUBLIC}{end}",
        f"/r/{PUBLIC}/-/tags/1.0{end}",
        f"/r/{PUBLIC}/-/tags/1.0/delete?done={end}",
        f"{download}{end}",
        f"/-/search?q={end}",
        f"/?in={end}",
        f"/-/trash?repository={end}&tag={end}",
    ):
        answer = surfer.get(path)
        assert answer.status < 500, path
        assert answer.headers["x-injected"] is None, path


def shown(answer: Answer) -> str:
    """The text of a page."""
    return re.sub(r"<[^>]*>", " ", answer.body.decode())


def test_what_there_is_cannot_be_told_from_what_there_is_not(surfer: Surfer) -> None:
    """Neither by who sees nothing of it, nor by who may do something else."""
    for name in ("", "outsider"):
        if name:
            surfer.sign_in(name)
        answers = [surfer.get(f"/r/{where}") for where in (PRIVATE, "team/no-such-thing")]
        assert answers[0].status == answers[1].status
        texts = {shown(answer).replace("no-such-thing", "service") for answer in answers}
        assert len(texts) == 1

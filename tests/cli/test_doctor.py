"""`lading doctor` names what is wrong with a deployment, and finds nothing where nothing is."""

import base64
import gzip
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lading.cli.commands import main
from lading.client.doctor import DoctorOptions, FindingState, examine
from lading.client.doctor.address import DeploymentAddress, check_connection
from lading.core.digest import Digest
from lading.testing import Registry
from lading.testing.files import secured
from tests.support.small_servers import QuietHandler, served

CONNECTION = {"connection", "transfer-encoding", "content-length", "host", "server"}


@dataclass
class Passed:
    """An answer that is passed on, and can be changed."""

    method: str
    path: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: str = ""
    is_chunked: bool = False


Change = Callable[[Passed], object]
# Of what doctor asks for that is not there.
ABSENT = "looks-for-what-is-not-there"


def read_chunks(file: BufferedIOBase) -> bytes:
    """A body whose length was not said before."""
    pieces = []
    while size := int(file.readline(), 16):
        pieces.append(file.read(size))
        file.readline()
    return b"".join(pieces)


@contextmanager
def proxy(
    registry: Registry,
    change: Change,
    limit: int = 1 << 40,
    context: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """A proxy before a registry that does not leave answers alone; yields its address."""

    class Handler(QuietHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            is_chunked = "transfer-encoding" in self.headers
            if length > limit:
                passed = Passed(self.command, self.path, 413)
            else:
                body = read_chunks(self.rfile) if is_chunked else self.rfile.read(length)
                if len(body) < length:  # cut off, so nobody is told of it
                    return
                passed = self.ask(body)
            passed.is_chunked = is_chunked
            change(passed)
            self.send_response_only(passed.status)
            for name, value in passed.headers.items():
                self.send_header(name, value)
            said = passed.length if self.command == "HEAD" else str(len(passed.body))
            self.send_header("Content-Length", said)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else passed.body)

        def ask(self, body: bytes) -> Passed:
            sent = {k: v for k, v in self.headers.items() if k.lower() not in CONNECTION}
            with closing(HTTPConnection(registry.host, timeout=60)) as upstream:
                upstream.request(self.command, self.path, body, sent | {"Host": registry.host})
                answer = upstream.getresponse()
                headers = {k: v for k, v in answer.headers.items() if k.lower() not in CONNECTION}
                said = self.command, self.path, answer.status, headers, answer.read()
                return Passed(*said, answer.headers.get("Content-Length", ""))

        def handle_expect_100(self) -> bool:
            if int(self.headers["content-length"]) <= limit:
                return super().handle_expect_100()
            self.send_error(413)
            return False

        do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hung up
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server):
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as started:
        started.push_image("team/app:1")
        started.push_image("team/app:2")
        yield started


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no logins of the person who runs this."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def run(*words: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["doctor", *words], env=env)


def look(url: str, **options: Any) -> dict[str, tuple[str, str]]:
    """What is neither well nor skipped, by its name: the sentence and the advice."""
    found = list(examine(url, DoctorOptions(**options)))
    bad = {FindingState.WARN, FindingState.WRONG}
    return {one.name: (one.what, one.advice) for one in found if one.state in bad}


def test_a_healthy_deployment_has_nothing_wrong(registry: Registry) -> None:
    result = run(registry.host, "--push")

    assert result.exit_code == 0, result.output
    signs = {line[0] for line in result.stdout.splitlines()}
    assert signs == {"✓", "-"}
    assert "buffering: what is pushed reaches the registry at once" in result.stdout
    cancelled = [event for event in registry.events if event.what == "upload.cancel"]
    assert cancelled[-1].status == 204
    assert registry.repositories() == ["team/app"]


def test_without_push_it_only_reads(registry: Registry) -> None:
    before = len(registry.events)

    assert run(registry.url).exit_code == 0

    assert {event.method for event in registry.events[before:]} == {"GET", "HEAD"}


def test_a_program_is_told_in_json(registry: Registry) -> None:
    found = json.loads(run(registry.url, "--json").stdout)

    assert set(found[0]) == {"name", "state", "what", "advice"}
    assert {"ok", "skipped"} == {one["state"] for one in found}


def test_a_registry_with_logins_and_tls_has_nothing_wrong() -> None:
    with Registry(users={"ann": "secret"}, tokens=True, tls=True) as closed:
        closed.push_image("app:1", platforms=["linux/amd64", "linux/arm64"])

        result = run(closed.host, "--ca", str(closed.ca), "--push", env=closed.env())

    # The certificate of a test is one of a day.
    assert [line for line in result.stdout.splitlines() if line[0] in "!✗"] == [
        line for line in result.stdout.splitlines() if "tls: the certificate ends soon" in line
    ]
    assert "login: the login that is kept is taken" in result.stdout
    assert "buffering: what is pushed reaches the registry at once" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize("text", ["ftp://host", "https://host/registry", "host:port", ""])
def test_an_address_that_is_none_is_wrong_usage(text: str) -> None:
    assert run(text).exit_code == 2


def test_a_name_that_nobody_knows() -> None:
    found = look("https://no-such-host.invalid")

    assert list(found) == ["name"]
    assert run("https://no-such-host.invalid").exit_code == 1


def test_a_port_at_which_nobody_listens() -> None:
    assert "firewall" in look("http://127.0.0.1:1")["connection"][1]


def test_where_this_machine_has_no_way_to_is_no_fault_of_the_deployment(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As to IPv6 from a machine without it; here, what no connection can be made to."""
    host, _, port = registry.host.partition(":")
    assert "no way to 224.0.0.1" in look(f"http://224.0.0.1:{port}")["connection"][0]

    def resolve(_: DeploymentAddress) -> list[str]:
        return [host, "224.0.0.1"]

    monkeypatch.setattr("lading.client.doctor.address._addresses", resolve)
    address = DeploymentAddress.parse(f"http://registry.test:{port}")
    found = check_connection(address, 1.0)
    assert found.state is FindingState.OK
    assert "no way to 224.0.0.1" in found.what


def test_a_listener_that_says_nothing_is_waited_for_within_bounds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        found = look(f"https://127.0.0.1:{listener.getsockname()[1]}", seconds=0.2)

    assert list(found) == ["tls"]
    assert time.monotonic() - started < 10


def test_http_where_https_is_asked_for(registry: Registry) -> None:
    found = look(f"https://{registry.host}")

    assert "speaks HTTP without TLS" in found["tls"][0]
    assert "http.tls.certificate" in found["tls"][1]


def test_https_where_http_is_asked_for_and_an_authority_nobody_trusts() -> None:
    with Registry(tls=True) as secure:
        assert "speaks HTTPS" in look(f"http://{secure.host}")["tls"][0]
        assert "ca.crt" in look(secure.url)["tls"][1]
        assert list(look(secure.url, insecure=True)) == ["tls"]


def _page(passed: Passed) -> None:
    passed.status, passed.headers = 200, {"Content-Type": "text/html"}
    passed.body = b"<html><title>Welcome to nginx!</title>"


def _set(name: str, value: str, beginning: str = "/v2/") -> Change:
    def change(passed: Passed) -> None:
        if passed.path.startswith(beginning) and passed.status not in {204, 404}:
            passed.headers[name] = value

    return change


def _without(name: str) -> Change:
    return lambda passed: passed.headers.pop(name, None)


def _status(status: int, part: str) -> Change:
    def change(passed: Passed) -> None:
        if part in passed.path:
            passed.status = status

    return change


def _realm(value: str) -> Change:
    def change(passed: Passed) -> None:
        if passed.path == "/v2/":
            passed.status, passed.headers["WWW-Authenticate"] = 401, value

    return change


def _whole(passed: Passed) -> None:
    if passed.status == 206:
        passed.status = 200


def _changed(passed: Passed) -> None:
    if "/manifests/" in passed.path:
        passed.body += b"\n"


def _no_errors(passed: Passed) -> None:
    if ABSENT in passed.path:
        passed.body = b"<html>"


def _location(value: str) -> Change:
    def change(passed: Passed) -> None:
        if passed.method == "POST":
            passed.headers["Location"] = f"{value}{passed.headers['Location']}"

    return change


def _merging(passed: Passed) -> None:
    if passed.path.startswith("/v2//"):
        passed.status = 200


def _small_letters(passed: Passed) -> None:
    if re.search("[A-Z]", passed.path):
        passed.status = 200


def _capital_digests(passed: Passed) -> None:
    """As from a registry that takes capitals in digests alone for what they are."""
    if re.search("sha256:[0-9A-F]*[A-F]", passed.path):
        passed.status = 200


def _no_queries(passed: Passed) -> None:
    if passed.path.endswith("tags/list?n=1"):
        passed.headers.pop("Link")
        passed.body = b'{"tags": ["1", "2"]}'
    elif "&last=zzz" in passed.path:
        passed.body = b'{"repositories": ["team/app"]}'


def _whole_lists(passed: Passed) -> None:
    """As from a registry that knows no pages but those of the catalog."""
    if "_catalog" not in passed.path:
        _no_queries(passed)


def _bounded_parts(passed: Passed) -> None:
    if passed.status == 206:
        passed.status = 429


def _no_chunks(passed: Passed) -> None:
    if passed.is_chunked:
        passed.status = 411


def _no_heads(passed: Passed) -> None:
    if passed.method == "HEAD":
        passed.status = 405


def _heads_without_a_length(passed: Passed) -> None:
    if passed.method == "HEAD":
        passed.length = "0"


def _compressed(passed: Passed) -> None:
    if "/blobs/" in passed.path and passed.status == 200:
        passed.headers["Content-Encoding"] = "gzip"
        passed.body = gzip.compress(passed.body)


def _all_compressed(passed: Passed) -> None:
    """As most clients take it off again, it costs time, and is no other fault."""
    if passed.status == 200 and passed.method == "GET":
        passed.headers["Content-Encoding"] = "gzip"
        passed.body = gzip.compress(passed.body)


def _circle(passed: Passed) -> None:
    if "/blobs/" in passed.path:
        passed.status, passed.headers["Location"] = 307, passed.path


AHEAD = formatdate(time.time() + 3600, usegmt=True)
NEVER = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
STRIPPED = "Docker-Distribution-Api-Version"
DIGEST = "Docker-Content-Digest"

BROKEN: list[Any] = [
    pytest.param(_page, "answer", "Welcome to nginx!", "location /v2/", id="page"),
    pytest.param(_page, "answer", "200", "sign in there", id="guests"),
    pytest.param(_status(404, "/v2/"), "answer", "404", "location /v2/", id="no-v2"),
    pytest.param(_status(502, "/v2/"), "answer", "502", "proxy_pass", id="no-upstream"),
    pytest.param(_status(302, "/v2/"), "answer", "302", "redirects", id="login-page"),
    pytest.param(_status(401, "/v2/"), "answer", "WWW-Authenticate", "pass", id="no-challenge"),
    pytest.param(_without(STRIPPED), "answer", STRIPPED, "add_header", id="no-version"),
    pytest.param(_set("Date", AHEAD), "clock", "ahead", "NTP", id="clock"),
    pytest.param(_set("Date", NEVER), "clock", "no date", "pass", id="no-time"),
    pytest.param(_realm("Negotiate"), "realm", "no client", "Bearer", id="strange-login"),
    pytest.param(_realm('Bearer realm="/token"'), "realm", "no address", "realm", id="realm"),
    pytest.param(
        _realm('Bearer realm="http://127.0.0.1:9/auth"'),
        "realm",
        "no answer",
        "Forwarded",
        id="far",
    ),
    pytest.param(_without(DIGEST), "manifest", DIGEST, "proxy_hide_header", id="no-digest"),
    pytest.param(_changed, "manifest", "other bytes", "bodies", id="changed"),
    pytest.param(
        _set("Content-Type", "text/plain", "/v2/team"), "manifest", "plain", "Type", id="type"
    ),
    pytest.param(_status(404, "%3A"), "paths", "escaped anew", "nocanon", id="escaped"),
    pytest.param(_merging, "paths", "//", "proxy_pass", id="merged"),
    pytest.param(_small_letters, "paths", "capitals", "lower", id="small-letters"),
    pytest.param(_whole, "ranges", "comes whole", "Range", id="no-ranges"),
    pytest.param(_status(500, "/blobs/sha256"), "ranges", "500", "log", id="blobs"),
    pytest.param(
        _location("http://inside:5000"), "location", "inside:5000", "X-Forwarded", id="inside"
    ),
    pytest.param(_status(507, "/uploads/"), "location", "507", "garbage-collect", id="full"),
    pytest.param(_status(403, "/uploads/"), "location", "no registry", "limit_except", id="post"),
    pytest.param(_no_chunks, "chunked", "411", "Transfer-Encoding", id="no-chunks"),
    pytest.param(_status(200, ABSENT), "errors", "200, not 404", "error_page", id="all-there"),
    pytest.param(_no_errors, "errors", "a page of the proxy", "intercept_errors", id="error-page"),
    pytest.param(_status(429, ABSENT), "errors", "429", "again", id="no-room"),
    pytest.param(_bounded_parts, "ranges", "429", "again", id="bounded-blobs"),
    pytest.param(_status(429, "/manifests/1"), "manifest", "429", "again", id="bounded"),
    pytest.param(_status(429, "_catalog"), "manifest", "429", "again", id="bounded-lists"),
    pytest.param(_status(429, "/uploads/"), "body", "429", "again", id="bounded-pushes"),
    pytest.param(_without("Link"), "lists", "first page", "proxy_hide_header", id="no-link"),
    pytest.param(_no_queries, "lists", "after `?`", "$uri", id="no-queries"),
    pytest.param(_no_heads, "heads", "405", "HEAD", id="no-heads"),
    pytest.param(_heads_without_a_length, "heads", "0 bytes", "gzip off", id="empty-heads"),
    pytest.param(_compressed, "compression", "gzip", "gzip off", id="compressed"),
    pytest.param(_all_compressed, "compression", "gzip", "gzip off", id="all-compressed"),
    pytest.param(
        _set("Content-Encoding", "gzip", "/v2/team"),
        "manifest",
        "not compressed",
        "gzip off",
        id="not-compressed",
    ),
    pytest.param(_circle, "ranges", "more than 5", "curl -IL", id="circle"),
    pytest.param(
        _without("Content-Range"), "ranges", "without Content-Range", "pass", id="no-range-named"
    ),
]


@pytest.mark.parametrize(("change", "name", "what", "advice"), BROKEN)
def test_what_is_broken_is_named_and_nothing_else(
    registry: Registry, change: Change, name: str, what: str, advice: str
) -> None:
    with proxy(registry, change) as url:
        found = look(url, push=name in {"location", "body", "chunked"})

    # This proxy does hold requests back.
    found.pop("buffering", None)
    assert list(found) == [name]
    assert what in found[name][0]
    assert advice in found[name][1]


def test_a_registry_may_take_digests_in_capitals(registry: Registry) -> None:
    with proxy(registry, _capital_digests) as url:
        assert look(url) == {}


def test_an_answer_that_is_shorter_than_it_says_is_said_in_words(registry: Registry) -> None:
    def serve(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "9")
        handler.end_headers()
        handler.wfile.write(b"{}")
        handler.close_connection = True

    class Handler(QuietHandler):
        do_GET = serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with served(server):
        said = look(f"http://127.0.0.1:{server.server_port}")["answer"][0]
    assert "7 bytes are missing" in said


def test_blobs_may_be_two_addresses_away(registry: Registry) -> None:
    """As of a store behind a network that brings its contents near."""

    def change(passed: Passed) -> None:
        if "/blobs/" in passed.path and not passed.path.endswith("?second"):
            place = "first" if "?" not in passed.path else "second"
            passed.status = 307
            passed.headers["Location"] = f"{passed.path.partition('?')[0]}?{place}"

    with proxy(registry, change) as url:
        assert look(url) == {}


def test_a_registry_may_know_no_pages_of_tags(registry: Registry) -> None:
    with proxy(registry, _whole_lists) as url:
        assert look(url) == {}


def test_a_digest_of_any_algorithm_is_a_manifests_own(registry: Registry) -> None:
    named: list[str] = []

    def change(passed: Passed) -> None:
        if passed.path.endswith("/manifests/1"):
            named.extend([str(Digest.of(passed.body, "sha512"))] * (passed.method == "GET"))
            passed.headers[DIGEST] = named[0]
        elif "sha512%3A" in passed.path:
            passed.status = 200

    with proxy(registry, change) as url:
        assert look(url) == {}


def test_a_manifest_may_be_as_large_as_registries_take_them() -> None:
    with Registry() as large:
        large.push_image("app:1", annotations={"a": "x" * 3_000_000})

        assert look(large.url) == {}


def test_a_bound_on_bodies_is_found_whatever_it_is(registry: Registry) -> None:
    with proxy(registry, _nothing, limit=1 << 20) as url:
        assert "client_max_body_size 0" in look(url, push=True)["bound"][1]
    with proxy(registry, _nothing, limit=200 << 20) as url:
        found = look(url, push=True)
    assert "1024 MiB are refused" in found["bound"][0]
    assert "proxy_request_buffering off" in found["buffering"][1]


def _nothing(passed: Passed) -> None:
    del passed


def test_a_realm_without_tls_behind_a_proxy_with_it(tmp_path: Path) -> None:
    """The registry does not know that its clients come by HTTPS."""
    context, authority = secured(tmp_path, "127.0.0.1")
    with (
        Registry(users={"ann": "secret"}, tokens=True) as closed,
        proxy(closed, _nothing, context=context) as url,
    ):
        found = look(url, authorities=authority)

    assert "without TLS" in found["realm"][0]
    assert "X-Forwarded-Proto $scheme" in found["realm"][1]
    assert url in found["realm"][1]


def test_a_certificate_that_clients_have_to_show(registry: Registry, tmp_path: Path) -> None:
    context, authority = secured(tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    with proxy(registry, _nothing, context=context) as url:
        found = look(url, authorities=authority)

    assert "client.cert" in found["answer"][1], found


def test_uploads_elsewhere_may_be_meant_if_somebody_is_there(registry: Registry) -> None:
    with proxy(registry, _location(registry.url)) as url:
        found = look(url, push=True)

    assert registry.host in found["location"][0]
    assert found["location"][1].startswith("if that is not meant")


def test_a_realm_that_the_proxy_does_not_pass_on(registry: Registry) -> None:
    with proxy(registry, _realm(f'Bearer realm="{registry.url}/auth"')) as url:
        found = look(url)

    assert "answers with 404" in found["realm"][0]
    assert "auth.token.realm" in found["realm"][1]


def test_a_login_that_is_refused() -> None:
    with Registry(users={"ann": "secret"}) as closed:
        env = closed.env()
        logins = Path(env["DOCKER_CONFIG"], "config.json")
        auth = base64.b64encode(b"ann:wrong").decode()
        logins.write_text(json.dumps({"auths": {closed.host: {"auth": auth}}}))
        result = run(closed.url, env=env)

    assert result.exit_code == 1
    assert "✗ login: the login that is kept" in result.stdout


def test_a_token_of_tomorrow(registry: Registry) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"nbf": time.time() + 900}).encode()).decode()
    addresses: list[str] = []

    def change(passed: Passed) -> None:
        _realm(f'Bearer realm="{addresses[0]}/auth"')(passed)
        if passed.path.startswith("/auth"):
            passed.status = 200
            passed.body = json.dumps({"token": f"a.{claims.rstrip('=')}.c"}).encode()

    with proxy(registry, change) as url:
        addresses.append(url)
        assert "valid only in" in look(url)["realm"][0]


def test_who_may_not_push_is_told_so_and_nothing_is_wrong() -> None:
    with Registry(users={"ann": "secret"}, permissions="public") as closed:
        closed.push_image("app:1")
        result = run(closed.url, "--push")

    assert result.exit_code == 0, result.output
    assert "may not push" in result.stdout or "no login is kept" in result.stdout


def test_readiness_is_told_by_the_port_for_it(registry: Registry) -> None:
    def change(passed: Passed) -> None:
        passed.status, passed.headers = 503, {"Content-Type": "application/json"}
        passed.body = json.dumps({"room": "12 MiB left", "database": "ok"}).encode()

    with proxy(registry, change) as debug:
        found = look(registry.url, debug=debug)

    assert "12 MiB left" in found["room"][0]
    assert "garbage-collect" in found["room"][1]

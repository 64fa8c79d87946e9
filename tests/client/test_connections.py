"""Connections are made as certificates and proxies want it, and show secrets to no other."""

import shutil
import socket
import socketserver
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from lading.client import Client, ClientError, HostLogin, SessionOptions, Unreachable
from lading.client.connections import HostConnections, proxy_for
from tests.support.certificates import Certificates, make_certificates
from tests.support.client_tls import ForwardProxy, forward_proxy, server_context
from tests.support.odd_registry import OddRegistry, Reply, Sent, odd_registry
from tests.support.raw_server import dripping, raw_server
from tests.support.small_servers import served

LOGIN = HostLogin("ann", "secret-of-ann")
NAME = "registry.test"
TAGS = Reply(body=b'{"tags": ["1"]}')
QUICK = SessionOptions(retries=0)
SHA = "sha256:" + "a" * 64


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("named"), NAME)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and no proxy."""
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(params=[False, True], ids=["tls", "mutual tls"])
def server(request: pytest.FixtureRequest, made: Certificates) -> Iterator[OddRegistry]:
    with odd_registry(lambda _: TAGS, server_context(made, mutual=request.param)) as found:
        yield found


def certs_d(home: Path, host: str, certificates: Path) -> None:
    """Let a folder be the one that this person has for a host."""
    folder = home / ".config/containers/certs.d"
    folder.mkdir(parents=True)
    (folder / host).symlink_to(certificates)


def port_of(host: str) -> int:
    return int(host.rpartition(":")[2])


def local(server: OddRegistry | ForwardProxy) -> str:
    return server.host.replace("127.0.0.1", "localhost")


def test_a_folder_for_the_host_has_all_that_is_needed(
    server: OddRegistry, made: Certificates, home: Path
) -> None:
    certs_d(home, local(server), made.full)

    with Client(local(server), options=QUICK) as client:
        assert list(client.tags("app")) == ["1"]
        assert client.session.base.startswith("https://")


def test_a_certificate_is_shown_to_no_other_host(
    server: OddRegistry, made: Certificates, home: Path
) -> None:
    certs_d(home, "localhost:1", made.full)

    with Client(local(server), options=QUICK) as client, pytest.raises(Unreachable):
        list(client.tags("app"))


def test_who_must_show_a_certificate_and_has_none_is_told_so(
    made: Certificates, home: Path
) -> None:
    with odd_registry(lambda _: TAGS, server_context(made, mutual=True)) as server:
        certs_d(home, local(server), made.bare)
        with Client(local(server), options=QUICK) as client, pytest.raises(ClientError):
            list(client.tags("app"))


def test_a_folder_that_this_person_may_not_look_into_is_none(
    server: OddRegistry, made: Certificates, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /etc/docker/certs.d, which is root's on some machines."""
    certs_d(home, local(server), made.full)
    listed = Path.iterdir

    def refused(self: Path) -> Iterator[Path]:
        if self.is_relative_to("/etc"):
            raise PermissionError(13, "Permission denied", str(self))
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", refused)

    with Client(local(server), options=QUICK) as client:
        assert list(client.tags("app")) == ["1"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ca.crt"], r"ca\.crt cannot be loaded: no certificate or crl found"),
        (["client.cert", "client.key"], r"client\.cert cannot be loaded: "),
        (["client.cert"], r"client\.key cannot be loaded: no such file or directory"),
    ],
)
def test_a_certificate_that_is_none_is_named(names: list[str], said: str, home: Path) -> None:
    folder = home / ".config/containers/certs.d" / NAME
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("nothing\n")

    with Client(NAME, options=QUICK) as client, pytest.raises(ClientError, match=said):
        list(client.tags("app"))


def test_a_link_that_leads_nowhere_is_no_certificate(
    server: OddRegistry, made: Certificates, home: Path
) -> None:
    """As an authority of a package that was removed since; what else is there counts."""
    folder = home / ".config/containers/certs.d" / local(server)
    shutil.copytree(made.full, folder)
    (folder / "gone.crt").symlink_to(home / "nowhere")

    with Client(local(server), options=QUICK) as client:
        assert list(client.tags("app")) == ["1"]


def test_nobody_is_asked_for_the_password_of_a_key(made: Certificates, home: Path) -> None:
    folder = home / ".config/containers/certs.d" / NAME
    shutil.copytree(made.full, folder)
    key = folder / "client.key"
    sealed = load_pem_private_key(key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    key.write_bytes(sealed)

    with (
        Client(NAME, options=QUICK) as client,
        pytest.raises(ClientError, match=r"client\.key is encrypted"),
    ):
        list(client.tags("app"))


def test_any_certificate_is_taken_only_if_that_is_said(made: Certificates) -> None:
    with odd_registry(lambda _: TAGS, server_context(made)) as server:
        insecure = SessionOptions(insecure=True, retries=0)
        with Client(local(server), options=insecure) as client:
            assert list(client.tags("app")) == ["1"]
        with (
            Client(local(server), login=LOGIN, options=QUICK) as client,
            pytest.raises(Unreachable, match=r"certs\.d"),
        ):
            list(client.tags("app"))
    assert all(one.login == "" for one in server.sent)


@pytest.mark.parametrize("scheme", ["http", "HTTP", "\1http"])
def test_a_login_does_not_leave_tls(made: Certificates, scheme: str) -> None:
    """Neither by a redirect, nor by an upload's address, nor by a token server."""
    with odd_registry(lambda _: TAGS) as thief:

        def answer(sent: Sent) -> Reply:
            if "/manifests/" in sent.path:
                realm = f'Bearer realm="http://{thief.host}/token"'.replace(
                    "127.0.0.1", "thief.test"
                )
                return Reply(401, headers={"WWW-Authenticate": realm})
            return Reply(307, headers={"Location": f"{scheme}://{thief.host}/x"})

        with odd_registry(answer, server_context(made)) as server:
            options = SessionOptions(authorities=made.ca, retries=0)
            with Client(local(server), login=LOGIN, options=options) as client:
                with pytest.raises(ClientError, match="has no TLS"):
                    list(client.blob("app", SHA))
                with pytest.raises(ClientError, match="not safe"):
                    client.manifest("app", "1")
    assert thief.sent == []


def test_an_early_answer_by_tls_is_read_though_the_body_is_not_taken(made: Certificates) -> None:
    """As of a proxy that bounds bodies, and hangs up on a larger one."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with server_context(made).wrap_socket(self.request, server_side=True) as line:
                for status in (b"202", b"413"):
                    line.recv(1000)
                    line.sendall(b"HTTP/1.1 %b Said\r\nContent-Length: 0\r\n\r\n" % status)

    pieces = [b"x" * 65536] * 1000
    headers = {"Content-Length": str(65536 * len(pieces))}
    with (
        served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server,
        closing(HostConnections(SessionOptions(authorities=made.ca))) as connections,
    ):
        url = f"https://localhost:{server.server_address[1]}/x"
        connections.send("POST", url, {}, None).close()
        assert connections.send("PUT", url, headers, pieces).status == 413


def test_who_hangs_up_before_tls_is_agreed_on_is_asked_again(made: Certificates) -> None:
    """As a server does that starts anew."""
    connected: list[bool] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connected.append(True)
            if len(connected) == 2:  # behind the one by which is found out whether it speaks TLS
                self.request.recv(10_000)
                return
            with server_context(made).wrap_socket(self.request, server_side=True) as line:
                if line.recv(10_000):
                    line.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"tags": ["1"]}')

    options = SessionOptions(authorities=made.ca, retries=1)
    with (
        served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server,
        Client(f"localhost:{server.server_address[1]}", options=options) as client,
    ):
        assert list(client.tags("app")) == ["1"]
    assert len(connected) == 3


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".test", "реестр.test"])
def test_a_redirect_to_what_is_no_name_of_a_host_is_said(name: str) -> None:
    location = f"http://{name}/x".encode().decode("iso-8859-1")
    with (
        odd_registry(lambda _: Reply(307, headers={"Location": location})) as registry,
        Client(registry.host, login=LOGIN, options=QUICK) as client,
        pytest.raises(ClientError, match="no host can be called so"),
    ):
        client.manifest("app", "1")


@pytest.mark.parametrize("name", ["a..b", ".b", "a" * 64 + ".test"])
def test_no_proxy_is_asked_for_what_is_no_name_of_a_host(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forward_proxy(1) as proxy, closing(HostConnections(QUICK)) as connections:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with pytest.raises(socket.gaierror, match="no host can be called so"):
            connections.send("GET", f"https://{name}/x", {}, None)
    assert proxy.heads == []


def test_a_proxy_is_asked_for_a_name_as_resolvers_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        odd_registry(lambda _: TAGS) as server,
        forward_proxy(server.port, b"HTTP/1.1 502 No\r\n\r\n") as proxy,
        closing(HostConnections(QUICK)) as connections,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with pytest.raises(OSError, match="502"):
            connections.send("GET", "https://bücher.test/x", {}, None)
    assert proxy.heads[0].startswith("CONNECT xn--bcher-kva.test:443 ")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_is_asked_to_connect_and_sees_no_login(
    variable: str, named: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SessionOptions(authorities=named.ca, retries=0)
    with (
        odd_registry(_asks, server_context(named)) as server,
        forward_proxy(server.port) as proxy,
    ):
        monkeypatch.setenv(variable, f"http://me:p%40ss@{proxy.host}")
        with Client(NAME, login=LOGIN, options=options) as client:
            assert list(client.tags("app")) == ["1"]

    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {NAME}:443 ")
    assert "Basic bWU6cEBzcw==" in head  # me:p@ss
    assert LOGIN.header not in head
    assert server.sent[-1].login == LOGIN.header
    assert all("Proxy-Authorization" not in one.headers for one in server.sent)


def test_a_proxy_for_plain_http_gets_whole_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SessionOptions(plain_http=True, retries=0)
    with odd_registry(lambda _: TAGS) as server, forward_proxy(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        with Client(f"{NAME}:5000", options=options) as client:
            assert list(client.tags("app")) == ["1"]

    assert proxy.heads[0].startswith(f"GET http://{NAME}:5000/v2/app/tags/list")


@pytest.mark.parametrize(
    "no_proxy", [NAME, ".test", "*.test", "*", "other.test,*", f"other.test,{NAME}:5000"]
)
def test_hosts_without_proxy_are_asked_directly(
    no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SessionOptions(plain_http=True, retries=0)
    with odd_registry(lambda _: TAGS) as server, forward_proxy(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("NO_PROXY", no_proxy)
        with Client(f"{NAME}:5000", options=options) as client, pytest.raises(Unreachable):
            list(client.tags("app"))  # there is no such host

    assert proxy.heads == []


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_asked"),
    [
        ("10.1.2.3:5000", "10.0.0.0/8", False),
        ("10.1.2.3", ".lan, 10.1.0.0/16 ,other", False),
        ("11.1.2.3:5000", "10.0.0.0/8", True),
        ("10.1.2.3:5000", "10.1.2.3", False),
        ("[fd00::7]:5000", "fd00::/8", False),
        ("[fd00::7]:5000", "[fd00::7]", False),
        ("[fd00::7]:5000", "10.0.0.0/8", True),
        ("registry.lan:5000", "10.0.0.0/8,0.0.0.0/0", True),
        ("registry.lan:5000", "10.0.0.0/99,lan", False),
    ],
)
def test_networks_may_have_no_proxy(
    host: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch, *, is_asked: bool
) -> None:
    monkeypatch.setenv("https_proxy", "proxy.lan:3128")
    monkeypatch.setenv("no_proxy", no_proxy)

    assert proxy_for("https", host) == ("http://proxy.lan:3128" if is_asked else "")


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://proxy:1080",
        "http://",
        "http://proxy:port",
        "a b",
        "http://me:p4ss/p4ss@host:3128",
        "http://me:p4ss?p4ss@host:3128",
        "http://me:p4ss#p4ss@host:3128",
        "http://me:p4ss[p4ss@host:3128",
    ],
)
def test_what_is_no_proxy_is_said_so_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.replace("proxy:", "me:p4ss@proxy:"))
    options = SessionOptions(plain_http=True, retries=0)
    with Client(f"{NAME}:5000", options=options) as client, pytest.raises(ClientError) as caught:
        list(client.tags("app"))
    assert "p4ss" not in str(caught.value)


@pytest.mark.parametrize("plain_http", [False, True])
def test_a_proxy_that_wants_a_login_is_told_apart_from_the_registry(
    monkeypatch: pytest.MonkeyPatch, *, plain_http: bool
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    options = SessionOptions(plain_http=plain_http, retries=0)
    with odd_registry(lambda _: TAGS) as server, forward_proxy(server.port, refusal) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://{proxy.host}")
        with (
            Client(NAME, login=LOGIN, options=options) as client,
            pytest.raises(ClientError, match="407") as caught,
        ):
            list(client.tags("app"))
    assert "HTTPS_PROXY" in caught.value.advice
    assert "OSError" not in str(caught.value)
    assert LOGIN.header not in "".join(proxy.heads)


@pytest.mark.parametrize(("status", "asked"), [(403, 1), (407, 1), (503, 2)])
def test_a_tunnel_is_asked_for_again_only_where_that_may_help(
    status: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = b"HTTP/1.1 %d No\r\nContent-Length: 3\r\n\r\nno!" % status
    options = SessionOptions(retries=1)
    with odd_registry(lambda _: TAGS) as server, forward_proxy(server.port, refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with (
            Client(NAME, options=options) as client,
            pytest.raises(Unreachable, match=f"through the proxy: .* {status}"),
        ):
            list(client.tags("app"))
    assert len(proxy.heads) == asked


@pytest.mark.parametrize("plain_http", [False, True])
def test_a_proxy_may_speak_tls_itself(
    made: Certificates, named: Certificates, monkeypatch: pytest.MonkeyPatch, *, plain_http: bool
) -> None:
    """Within which TLS is spoken with the registry, of which the proxy sees nothing."""
    large = bytes(range(256)) * 10_000
    options = SessionOptions(plain_http=plain_http, authorities=named.ca, retries=0)
    context = None if plain_http else server_context(named)
    with (
        odd_registry(lambda _: Reply(body=large), context) as server,
        forward_proxy(server.port, tls=server_context(made)) as proxy,
        closing(HostConnections(options)) as connections,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
        monkeypatch.setenv("ALL_PROXY", f"https://me:pw@{local(proxy)}")
        url = f"{'http' if plain_http else 'https'}://{NAME}/x"
        for _ in range(2):
            answer = connections.send("PUT", url, {}, large)
            assert b"".join(answer.stream(100_000)) == large
            answer.close()

    assert [one.body for one in server.sent] == [large, large]
    (head,) = proxy.heads  # of a connection that both had
    assert head.startswith(f"PUT http://{NAME}/x" if plain_http else f"CONNECT {NAME}:443")
    assert "Proxy-Authorization: Basic bWU6cHc=" in head  # me:pw


def test_a_proxy_that_is_not_trusted_is_told_apart_from_the_registry(
    made: Certificates, named: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders of certificates are for registries."""
    with (
        odd_registry(lambda _: TAGS, server_context(named)) as server,
        forward_proxy(server.port, tls=server_context(made)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"https://{local(proxy)}")
        with (
            Client(NAME, options=QUICK) as client,
            pytest.raises(Unreachable, match=r"through the proxy.*SSL_CERT_FILE"),
        ):
            list(client.tags("app"))
        monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
        with (
            Client(NAME, options=QUICK) as client,
            pytest.raises(Unreachable, match=r"reached: .*certs\.d"),
        ):
            list(client.tags("app"))


def test_a_proxy_that_is_not_there_is_told_apart_from_the_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[str] = []
    options = SessionOptions(refused_retries=1, on_wait=lambda why, _: waits.append(why))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with (
        Client(NAME, options=options) as client,
        pytest.raises(Unreachable, match="through the proxy: Connection refused"),
    ):
        list(client.tags("app"))
    assert waits == ["Connection refused"]


def test_a_proxy_whose_name_is_wrong_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.create_connection", unknown)
    monkeypatch.setenv("HTTPS_PROXY", "http://porxy:3128")
    with Client(NAME) as client, pytest.raises(Unreachable, match="the name of the proxy"):
        list(client.tags("app"))
    assert client.session.counted == {"GET": 1}


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n"])
def test_a_proxy_that_hangs_up_makes_no_tunnel(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(lambda _: [said]) as host:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{host}")
        with (
            Client(NAME, options=QUICK) as client,
            pytest.raises(Unreachable, match=r"through the proxy: (the|what)"),
        ):
            list(client.tags("app"))


def test_a_proxy_whose_answer_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SessionOptions(retries=0, connect_seconds=0.3)
    with raw_server(dripping(b"HTTP/1.1 200 OK\r\nA: ", b"b")) as host:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{host}")
        begun = time.monotonic()
        with Client(NAME, options=options) as client, pytest.raises(Unreachable):
            list(client.tags("app"))
        assert time.monotonic() - begun < 60


def test_tls_within_that_of_a_proxy_is_not_waited_for_byte_by_byte(
    made: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            with suppress(OSError):
                self.request.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB
                while True:
                    time.sleep(0.05)
                    self.request.sendall(b"x")

    options = SessionOptions(retries=0, connect_seconds=0.3)
    with (
        served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server,
        forward_proxy(server.server_address[1], tls=server_context(made)) as proxy,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
        monkeypatch.setenv("HTTPS_PROXY", f"https://{local(proxy)}")
        begun = time.monotonic()
        with Client(NAME, options=options) as client, pytest.raises(Unreachable, match="timed out"):
            list(client.tags("app"))
        assert time.monotonic() - begun < 60


@pytest.mark.parametrize("before", [b"3;", b"0\r\n"], ids=["chunk", "trailers"])
def test_what_does_not_end_is_given_up_through_a_proxy_too(
    before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + before
    options = SessionOptions(plain_http=True, retries=0, read_seconds=0.3)
    with raw_server(dripping(begin, b"0")) as host, forward_proxy(port_of(host)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        begun = time.monotonic()
        with Client(NAME, options=options) as client, pytest.raises(ClientError):
            client.manifest("app", "1")
        assert time.monotonic() - begun < 60


def test_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_registry(lambda _: TAGS) as server, forward_proxy(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with Client(server.host, options=QUICK) as client:
            assert list(client.tags("app")) == ["1"]

    assert proxy.heads == []


def _asks(sent: Sent) -> Reply:
    if sent.login:
        return TAGS
    return Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("mutual", [False, True])
def test_this_machine_is_asked_for_tls_without_a_request(
    made: Certificates, newest: ssl.TLSVersion, *, mutual: bool
) -> None:
    """Who wants a certificate of the client refuses by an alert, which is TLS, too."""
    context = server_context(made, mutual=mutual)
    context.maximum_version = newest
    with (
        odd_registry(lambda _: TAGS, context) as server,
        Client(local(server), options=QUICK) as client,
    ):
        assert client.session.base == f"https://{local(server)}"
        assert client.session.counted == {}
    assert server.sent == []


def test_who_has_no_tls_on_this_machine_is_spoken_to_without() -> None:
    with odd_registry(lambda _: TAGS) as server, Client(local(server), options=QUICK) as client:
        assert list(client.tags("app")) == ["1"]
        assert client.session.counted == {"GET": 1}


def test_an_address_that_begins_as_another_one_is_another_one() -> None:
    """Though it has no path, where that of the other begins."""
    with odd_registry(lambda _: TAGS) as registry:
        connections = HostConnections(SessionOptions(plain_http=True))
        with closing(connections):
            for address in (f"http://{registry.host}/v2/", f"http://{registry.host}"):
                assert connections.send("GET", address, {}, None).status == 200
            with pytest.raises(ClientError):
                connections.send("GET", f"http://{registry.host}1", {}, None)


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("http://[::1]", ("::1", 80)),
        ("https://[::1]", ("::1", 443)),
        ("http://[::1]:5000", ("::1", 5000)),
        ("http://127.0.0.1", ("127.0.0.1", 80)),
    ],
)
def test_a_host_without_a_port_is_asked_at_that_of_its_scheme(
    base: str, asked: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[str, int]] = []

    def refuse(address: tuple[str, int], *_: object, **__: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", refuse)

    with closing(HostConnections(QUICK)) as connections, pytest.raises(ConnectionRefusedError):
        connections.send("GET", f"{base}/v2/", {}, None)

    assert tried == [asked]

"""HTTPS: who is let in, and how a renewed certificate is taken up."""

import functools
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from lading.server.process.authority import Authority, Pair
from tests.support.client import Client
from tests.support.lading import Lading, lading_serve
from tests.support.processes import wait_until

# Whoever goes on to write where the server has hung up is told of a broken pipe.
REFUSED = (ssl.SSLError, ConnectionResetError, BrokenPipeError)
DAY = timedelta(days=1)
# The name of a curve, as it is in a certificate.
P_256 = bytes.fromhex("06082A8648CE3D030107")


@dataclass(frozen=True)
class Server:
    """A registry that speaks HTTPS."""

    registry: Lading
    ca: Path

    @contextmanager
    def connect(
        self, client: Pair | None = None, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> Iterator[http.client.HTTPSConnection]:
        """Shake hands; the server must be the one that the authority vouches for."""
        context = ssl.create_default_context(cafile=self.ca)
        context.maximum_version = newest
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        connection = http.client.HTTPSConnection(self.registry.host, context=context)
        with closing(connection):
            connection.connect()
            yield connection

    def serial(self) -> int:
        """The serial number of the certificate that a new connection gets."""
        with self.connect() as connection:
            return serial_on(connection)

    def complaints(self) -> int:
        """How often the log says that a new certificate is no good."""
        return self.registry.log.read_text().count("the old one stays: http.tls.")

    def complained_since(self, before: int) -> bool:
        """Whether it said so again."""
        return self.complaints() > before


def serial_on(connection: http.client.HTTPSConnection) -> int:
    """The serial number of the server's certificate on an open connection."""
    presented = connection.sock.getpeercert(binary_form=True)
    assert isinstance(presented, bytes)
    return x509.load_der_x509_certificate(presented).serial_number


def status(connection: http.client.HTTPSConnection) -> int:
    """Ask for the base of the API."""
    connection.request("GET", "/v2/")
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority, and in its directory a server's certificate."""
    authority = Authority.open(tmp_path / "certs", datetime.now(UTC))
    issue(authority)
    return authority


def issue(authority: Authority) -> int:
    """Issue a new certificate to the server; give its serial number."""
    issued = authority.issue_to_server(
        ["127.0.0.1", "localhost"], now=datetime.now(UTC), validity=DAY
    )
    certificate = x509.load_pem_x509_certificate(issued.files.certificate.read_bytes())
    return certificate.serial_number


@contextmanager
def serving(
    authority: Authority, *, workers: int = 1, http: Mapping[str, Any] | None = None, **tls: Any
) -> Iterator[Server]:
    """Run a registry with the server's certificate, and more settings of `http.tls`."""
    directory = authority.files.certificate.parent
    files = {"certificate": str(directory / "server.crt"), "key": str(directory / "server.key")}
    http = {"addr": "127.0.0.1:0", "workers": workers, "tls": {**files, **tls}, **(http or {})}
    with lading_serve(directory, settings={"http": http}) as registry:
        yield Server(registry, authority.files.certificate)


def test_https(authority: Authority) -> None:
    """A client that trusts the authority is answered."""
    with serving(authority) as server:
        host = server.registry.host
        assert f"Listening on  https://{host}\n" in server.registry.log.read_text()
        with server.connect() as connection:
            assert status(connection) == 200
            assert connection.sock.version() == "TLSv1.3"


def test_who_speaks_http_where_https_is_spoken_is_told_so(authority: Authority) -> None:
    """In the protocol's own words, and in the log, which names an address once."""
    with serving(authority) as server:
        for _ in range(3):
            answer = Client(server.registry.host).ask("GET", "/v2/")
            assert answer.status == 400
            assert answer.codes == ["UNSUPPORTED"]
            assert "https://" in answer.json["errors"][0]["message"]
            assert answer.headers["Connection"] == "close"
        with server.connect() as connection:
            assert status(connection) == 200

        told = "a client at 127.0.0.1 speaks HTTP,"
        assert server.registry.has_said(told)
        assert server.registry.log.read_text().count(told) == 1


PREFACES = [
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
]


@pytest.mark.parametrize("preface", PREFACES)
@pytest.mark.parametrize("secure", [True, False])
def test_a_proxy_that_says_first_for_whom_it_comes_is_told_so(
    authority: Authority, tmp_path: Path, *, secure: bool, preface: bytes
) -> None:
    """And so is the operator: all requests fail, and nobody else would know why."""
    running = serving(authority) if secure else lading_serve(tmp_path)
    with running as started:
        registry = started.registry if isinstance(started, Server) else started
        with registry.client.connection() as connection:
            connection.send(preface)
            connection.request("GET", "/v2/")
            answer = connection.receive()
        assert answer.status == 400
        assert "PROXY protocol" in answer.json["errors"][0]["message"]
        assert registry.has_said("warn a proxy at 127.0.0.1 sends the PROXY protocol")


def test_who_speaks_https_where_http_is_spoken_is_in_the_log(tmp_path: Path) -> None:
    """On this machine as no warning: most clients go on by HTTP there, without being told to."""
    with lading_serve(tmp_path) as registry:
        connection = http.client.HTTPSConnection(registry.host)
        with closing(connection), pytest.raises(ssl.SSLError):
            connection.connect()

        said = "info a client at 127.0.0.1 tried HTTPS, and this registry speaks HTTP"
        wait_until(lambda: said in registry.log.read_text(), "a line in the log")


def test_a_connection_that_was_idle_for_long_is_closed_as_tls_wants_it(
    authority: Authority,
) -> None:
    """With a notice: without one, a client has to suspect that it was cut off by somebody else."""
    host_and_port = re.compile(r"(.*):(\d+)")
    with serving(authority, http={"keepalivetimeout": "1s"}) as server:
        found = host_and_port.fullmatch(server.registry.host)
        assert found
        context = ssl.create_default_context(cafile=server.ca)
        with (
            socket.create_connection((found[1], int(found[2])), timeout=30) as line,
            context.wrap_socket(
                line, server_hostname=found[1], suppress_ragged_eofs=False
            ) as connection,
        ):
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            while connection.recv(4096):
                pass


def test_who_says_nothing_to_the_https_port_holds_nobody_up(authority: Authority) -> None:
    with serving(authority) as server, ExitStack() as silent:
        for number in range(20):
            client = silent.enter_context(Client(server.registry.host).connection())
            client.send(b"\x16\x03\x01"[: number % 4])
        with server.connect() as connection:
            assert status(connection) == 200


def test_browsers_are_told_to_stay_with_https(authority: Authority) -> None:
    """Only over TLS: "not include the STS header field in HTTP responses" (RFC 6797, 7.2)."""
    with serving(authority) as server, server.connect() as connection:
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ({"minimumtls": "tls1.2"}, "TLSv1.2"),
        ({"minimumtls": "tls1.3"}, None),
        ({"ciphersuites": ["TLS_AES_128_GCM_SHA256"]}, None),
        ({"ciphersuites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]}, "TLSv1.2"),
        ({"ciphersuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}, None),
    ],
)
def test_a_client_of_tls_1_2(
    authority: Authority, settings: Mapping[str, Any], version: str | None
) -> None:
    """It is served if the operator wants that, with a suite that both have (the key is ECDSA)."""
    with serving(authority, **settings) as server:
        try:
            with server.connect(newest=ssl.TLSVersion.TLSv1_2) as connection:
                agreed = connection.sock.version()
        except ssl.SSLError:
            agreed = None
        assert agreed == version


def test_only_clients_with_a_certificate(authority: Authority, tmp_path: Path) -> None:
    """One of the right authority, made for clients."""
    now = datetime.now(UTC)
    alice = authority.issue_to_client("alice", now=now, validity=DAY).files
    other = Authority.open(tmp_path / "other", now)
    stranger = other.issue_to_client("alice", now=now, validity=DAY).files
    expired = authority.issue_to_client("late", now=now - 2 * DAY, validity=DAY).files
    posing = Pair(alice.certificate.with_name("server.crt"), alice.key.with_name("server.key"))
    with serving(authority, clientcas=[str(authority.files.certificate)]) as server:
        with server.connect(alice) as connection:
            assert status(connection) == 200
        for client in (None, stranger, expired, posing):
            with pytest.raises(REFUSED), server.connect(client) as connection:
                status(connection)


def test_clients_may_have_a_certificate(authority: Authority, tmp_path: Path) -> None:
    """Without one they are let in; with one that is not good they are not."""
    now = datetime.now(UTC)
    stranger = Authority.open(tmp_path / "other", now).issue_to_client(
        "alice", now=now, validity=DAY
    )
    with serving(
        authority,
        clientcas=[str(authority.files.certificate)],
        clientauth="verify-client-cert-if-given",
    ) as server:
        with server.connect() as connection:
            assert status(connection) == 200
        with pytest.raises(REFUSED), server.connect(stranger.files) as connection:
            status(connection)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_is_not_trusted_any_more_cannot_go_on_with_a_session(
    authority: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Of which no certificate is asked: authorities are replaced where one cannot be trusted."""
    now = datetime.now(UTC)
    alice = authority.issue_to_client("alice", now=now, validity=DAY).files
    other = Authority.open(tmp_path / "other", now).files.certificate
    trusted = tmp_path / "trusted.crt"
    shutil.copy(authority.files.certificate, trusted)
    context = ssl.create_default_context(cafile=authority.files.certificate)
    context.load_cert_chain(alice.certificate, alice.key)
    context.maximum_version = version
    with serving(authority, clientcas=[str(trusted)]) as server:
        session = _shake_hands(server, context, None)
        assert session is not None
        if version is ssl.TLSVersion.TLSv1_3:  # where it would be known from what the server sent
            assert not session.has_ticket
        trusted.write_bytes(other.read_bytes())
        os.kill(server.registry.pid, signal.SIGHUP)
        server.registry.has_said("the new certificate is in use")
        with pytest.raises(REFUSED):
            _shake_hands(server, context, session)


def test_who_has_an_ended_certificate_cannot_go_on_with_a_session(authority: Authority) -> None:
    """Of TLS 1.2, for which OpenSSL keeps sessions for hours."""
    context = ssl.create_default_context(cafile=authority.files.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(authority, clientcas=[str(authority.files.certificate)]) as server:
        for seconds in (4, 60):  # with more should this machine stand still in the first ones
            ends = datetime.now(UTC) + timedelta(seconds=seconds)
            alice = authority.issue_to_client("alice", now=ends - DAY, validity=DAY).files
            context.load_cert_chain(alice.certificate, alice.key)
            with suppress(*REFUSED):
                session = _shake_hands(server, context, None)
                break
        while datetime.now(UTC) <= ends + timedelta(seconds=1):
            time.sleep(0.1)
        with pytest.raises(REFUSED):
            _shake_hands(server, context, session)


def _shake_hands(
    server: Server, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> ssl.SSLSession | None:
    """Ask for something, with a session of before if there is one; the session."""
    host, _, port = server.registry.host.rpartition(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not connection.recv(1024).startswith(b"HTTP/1.1 200 "):
            raise ConnectionResetError
        return connection.session


@pytest.mark.parametrize("workers", [1, 2])
def test_a_renewed_certificate_is_taken_up(authority: Authority, workers: int) -> None:
    """On SIGHUP at once, by every worker; connections that are open go on as they are."""
    with serving(authority, workers=workers) as server, server.connect() as early:
        old = serial_on(early)
        new = issue(authority)
        os.kill(server.registry.pid, signal.SIGHUP)
        wait_until(lambda: {server.serial() for _ in range(20)} == {new}, "the certificate")
        assert status(early) == 200
        assert serial_on(early) == old


def become_pipe(path: Path) -> None:
    """Become a pipe that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def with_unknown_curve(pem: str) -> str:
    """The certificate with a key on a curve that no program knows."""
    der = ssl.PEM_cert_to_DER_cert(pem)
    return ssl.DER_cert_to_PEM_cert(der.replace(P_256, P_256[:-1] + b"\x09"))


def test_a_renewed_certificate_is_noticed(authority: Authority) -> None:
    """Nobody has to send a signal: the files are looked at every few seconds."""
    with serving(authority) as server:
        new = issue(authority)
        wait_until(lambda: server.serial() == new, "the new certificate")


def test_a_renewal_that_failed_changes_nothing(authority: Authority) -> None:
    """The old certificate stays, the log says why, and the next good one is taken up."""
    with serving(authority) as server:
        old = server.serial()
        directory = authority.files.certificate.parent
        certificate, key = directory / "server.crt", directory / "server.key"
        for spoil in (
            lambda: certificate.write_text("half a certificate"),
            lambda: certificate.write_text(with_unknown_curve(certificate.read_text())),
            lambda: shutil.copy(authority.files.key, key),
            key.unlink,
            functools.partial(become_pipe, certificate),
        ):
            issue(authority)
            spoil()
            complaints = server.complaints()
            os.kill(server.registry.pid, signal.SIGHUP)
            wait_until(functools.partial(server.complained_since, complaints), "the complaint")
            assert server.serial() == old
        new = issue(authority)
        os.kill(server.registry.pid, signal.SIGHUP)
        wait_until(lambda: server.serial() == new, "the new certificate")

"""Sessions of TLS 1.2 of clients with certificates: how long they are gone on with."""

import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lading.config.http import TlsSection
from lading.server.process import tls
from lading.server.process.authority import CA_VALIDITY, Authority
from lading.server.process.tls import Certificates

DAY = timedelta(days=1)


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """Connect a client with a server, with a session of before if there is one."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, session=session)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for each in (ours, theirs):
            with suppress(ssl.SSLWantReadError):
                each.do_handshake()
    assert ours.version() == "TLSv1.2"
    for each in (ours, theirs, ours):  # or the session would not be kept
        with suppress(ssl.SSLWantReadError):
            each.unwrap()
    return ours


@pytest.fixture
def client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_who_has_a_certificate_of_an_authority_that_has_ended_does_not_go_on_for_long(
    client: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the certificate itself has not: whoever comes anew with it is refused."""
    now = datetime.now(UTC)
    server = Authority.open(tmp_path / "server", now)
    pair = server.issue_to_server(["localhost"], now=now, validity=DAY).files
    begun = datetime.now(UTC) + timedelta(seconds=4) - CA_VALIDITY
    ending = Authority.open(tmp_path / "ending", begun)
    alice = ending.issue_to_client("alice", now=now, validity=DAY).files
    client.load_cert_chain(alice.certificate, alice.key)
    certificates = Certificates(
        TlsSection.model_validate(
            {
                "certificate": str(pair.certificate),
                "key": str(pair.key),
                "clientcas": [str(ending.files.certificate)],
            }
        )
    )
    session = shake_hands(certificates.newest(), client).session
    certificates.refresh()
    assert shake_hands(certificates.newest(), client, session).session_reused
    while datetime.now(UTC) <= ending.until + timedelta(seconds=1):
        time.sleep(0.1)
    with pytest.raises(ssl.SSLError):
        shake_hands(certificates.newest(), client)

    monkeypatch.setattr(tls, "SESSIONS", 0.0)
    certificates.refresh()
    with pytest.raises(ssl.SSLError):
        shake_hands(certificates.newest(), client, session)

"""`http.tls`, as Distribution has it."""

from pathlib import Path

import pytest

from lading.cli.config import settings_as_yaml
from tests.config.conftest import Complain, Write

EVERYTHING = """\
version: 0.1
http:
  tls:
    certificate: /certs/server.crt
    key: /certs/server.key
    clientcas: [/certs/a.crt, /certs/b.crt]
    clientauth: verify-client-cert-if-given
    minimumtls: TLS1.3
    ciphersuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
"""


def test_everything(given: Write) -> None:
    """Each key is read, and written back as it was."""
    settings = given(EVERYTHING).settings
    tls = settings.http.tls
    assert tls.enabled
    assert tls.certificate == Path("/certs/server.crt")
    assert tls.clientcas == (Path("/certs/a.crt"), Path("/certs/b.crt"))
    assert tls.clientauth == "verify-client-cert-if-given"
    assert tls.minimumtls == "tls1.3"
    assert given(settings_as_yaml(settings)).settings.http.tls == tls


@pytest.mark.parametrize("text", ["", "http: {tls: }", "http: {tls: {certificate: '', key: ''}}"])
def test_plain_http(text: str, given: Write) -> None:
    """Distribution takes an empty name of a certificate for none, and speaks plain HTTP."""
    assert not given(f"version: 0.1\n{text}\n").settings.http.tls.enabled


@pytest.mark.parametrize(
    ("tls", "complaint"),
    [
        ("certificate: /a", "key: write the file of the key too"),
        ("key: /a", "certificate: write the file of the certificate too"),
        ("clientcas: [/a]", "certificate: write one: clients are asked for theirs over TLS"),
        (
            "clientauth: require-any-client-cert",
            "clientauth: write 'verify-client-cert-if-given' or 'require-and-verify-client-cert'",
        ),
        ("minimumtls: tls1.1", "minimumtls: write 'tls1.2' or 'tls1.3'"),
    ],
)
def test_what_would_not_protect(tls: str, complaint: str, complaints: Complain) -> None:
    """Half of a setup, or one that lets anybody in, is refused."""
    assert complaints(f"version: 0.1\nhttp:\n  tls: {{{tls}}}\n") == [
        f"config.yml:3: http.tls.{complaint}"
    ]


def test_suites_that_are_gone(complaints: Complain) -> None:
    """3DES is no longer in OpenSSL; to leave it out silently would be to do something else."""
    (complaint,) = complaints(
        "version: 0.1\nhttp: {tls: {ciphersuites: [TLS_RSA_WITH_3DES_EDE_CBC_SHA]}}\n"
    )
    assert complaint.startswith("config.yml:2: http.tls.ciphersuites.0: write names such as ")

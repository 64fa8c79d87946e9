"""`lading cert`: what it makes, and what it says."""

import json
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.lading import program


def lading(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `lading cert`, in a directory."""
    return subprocess.run(
        [program(), "cert", *words], cwd=directory, capture_output=True, text=True, check=False
    )


def make(directory: Path, *hosts: str) -> dict[str, str]:
    """Make a certificate; give its files."""
    done = lading(directory, "make", "--json", *hosts)
    assert done.returncode == 0, done.stderr
    files: dict[str, str] = json.loads(done.stdout)
    return files


def read(path: str) -> x509.Certificate:
    """Read a certificate."""
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def test_only_the_owner_reads_keys(tmp_path: Path) -> None:
    """Certificates are for everybody."""
    make(tmp_path, "registry.lan")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "certs").iterdir()
    }
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "server.crt": 0o644, "server.key": 0o600}


def test_a_strict_verifier_accepts_it(tmp_path: Path) -> None:
    """As it does every name and address that was asked for, and no other."""
    files = make(tmp_path, "registry.lan", "*.apps.lan", "192.168.1.10", "fe80::1")
    context = ssl.create_default_context(cafile=files["ca"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files["certificate"], files["key"])
    for host in ("registry.lan", "web.apps.lan", "192.168.1.10", "fe80::1"):
        shake_hands(context, server, host)
    for host in ("other.lan", "a.b.apps.lan", "192.168.1.11", "fe80::2"):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(context, server, host)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    """A handshake without a network."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=host)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, answering, asking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_to_make_again_is_to_renew(tmp_path: Path) -> None:
    """The authority stays, so that no client has to be told; the certificate and key are new."""
    files = make(tmp_path, "registry.lan")
    before = {name: Path(path).read_bytes() for name, path in files.items() if name != "until"}
    again = make(tmp_path, "registry.lan")
    assert again.pop("until") >= files.pop("until")
    assert again == files
    after = {name: Path(path).read_bytes() for name, path in files.items()}
    assert [name for name in before if before[name] != after[name]] == ["certificate", "key"]
    assert read(files["certificate"]).issuer == read(files["ca"]).subject


def test_what_goes_where_is_said(tmp_path: Path) -> None:
    """With the paths that this registry has, ready to be copied."""
    said = lading(tmp_path, "make", "registry.lan", "10.0.0.1", "--port", "5443").stdout
    for line in (
        f"certificate: {tmp_path}/certs/server.crt",
        f"key: {tmp_path}/certs/server.key",
        "/etc/docker/certs.d/registry.lan:5443/ca.crt",
        "/etc/containers/certs.d/registry.lan:5443/ca.crt",
        '[host."https://registry.lan:5443"]',
    ):
        assert line in said
    assert (
        "/etc/docker/certs.d/[::1]/ca.crt"
        in lading(tmp_path, "make", "::1", "--port", "443").stdout
    )
    said = lading(tmp_path, "client", "alice", "--host", "registry.lan").stdout
    assert f"clientcas: [{tmp_path}/certs/ca.crt]" in said
    assert "/etc/docker/certs.d/registry.lan:5000/client.cert and client.key" in said


def test_a_port_that_is_said_with_the_registry_is_the_one_of_a_client(tmp_path: Path) -> None:
    """As the command's own example says it; another one behind it would be no registry's."""
    for host in ("registry.lan:5443", "[fe80::1]:5443"):
        said = lading(tmp_path, "client", "alice", "--host", host).stdout

        assert f"/certs.d/{host}/client.cert" in said


@pytest.mark.parametrize("host", ["a b", "-a", "", "a..b", "a_b", "*.*.lan", "ä.lan", "1.2.3.4/5"])
def test_what_is_no_host(host: str, tmp_path: Path) -> None:
    """Nothing is made of it."""
    done = lading(tmp_path, "make", "--", "registry.lan", host)
    assert done.returncode == 2
    assert "is neither a name nor an address" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ca", "server", "../alice", ".", "", "a/b"])
def test_what_is_no_name_of_a_client(name: str, tmp_path: Path) -> None:
    """It becomes a file beside the authority's own."""
    assert lading(tmp_path, "client", "--", name).returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["ca.crt", "ca.key"])
def test_half_an_authority_is_not_replaced(missing: str, tmp_path: Path) -> None:
    """Clients may trust the other half."""
    make(tmp_path, "registry.lan")
    (tmp_path / "certs" / missing).unlink()
    done = lading(tmp_path, "make", "registry.lan")
    assert done.returncode == 1
    assert "are not both there" in done.stderr
    assert not (tmp_path / "certs" / missing).exists()


def test_the_key_of_another_authority_is_refused(tmp_path: Path) -> None:
    """What it would issue, no client would accept."""
    make(tmp_path, "registry.lan")
    lading(tmp_path, "make", "registry.lan", "--directory", "other")
    (tmp_path / "other" / "ca.key").replace(tmp_path / "certs" / "ca.key")
    assert "is not the key of" in lading(tmp_path, "make", "registry.lan").stderr


def test_a_registry_that_cannot_use_it_says_why(tmp_path: Path) -> None:
    """Before it listens."""
    files = make(tmp_path, "registry.lan")
    config = tmp_path / "config.yml"
    for key, complaint in (
        (files["ca_key"], "is not the key of"),
        (files["certificate"], "is not a private key in PEM"),
        ("/nowhere", "/nowhere: No such file or directory"),
    ):
        tls = f"{{certificate: {files['certificate']}, key: {key}}}"
        config.write_text(f"version: 0.1\nstorage: inmemory\nhttp: {{addr: ':0', tls: {tls}}}\n")
        done = subprocess.run(
            [program(), "serve", str(config)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("Error: http.tls.key: ")
        assert complaint in done.stderr
        assert "Listening" not in done.stdout

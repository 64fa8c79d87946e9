"""`lading doctor` before real deployments that are broken, each in one way."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lading.client.doctor import DoctorOptions, FindingState, examine
from lading.testing import Registry
from tests.support.commands import require, require_root
from tests.support.distribution_serve import VERSION_2, VERSION_3, distribution_serve, program_of
from tests.support.processes import background, free_port, wait_until
from tests.support.pushes import Repository

pytestmark = pytest.mark.e2e

NGINX = """
daemon off; user root; worker_processes 1; pid {directory}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {directory}/body;
  proxy_http_version 1.1; proxy_set_header Host $http_host;
  ssl_certificate_key {directory}/key.pem;
{servers}
}}
"""
PASS = "location /v2/ { proxy_pass http://$UP; }"
ERRORS = "proxy_intercept_errors on; error_page 404 =200 /p;"
REJECT = "ssl_reject_handshake on;"
SHOWN = "ssl_verify_client on; ssl_client_certificate $DIRECTORY/ca.crt;"
HOST = "proxy_set_header Host $http_host;"
WHOLE = "client_max_body_size 0; proxy_request_buffering off;"

# A server each: lines of nginx, and what has to be found, with a part of the advice.
# `$UP` is the registry's address, `$TLS` a right certificate.
DEPLOYMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "healthy": (f"{WHOLE} {PASS}", {}),
    "a bound of 1 MiB": (
        f"proxy_request_buffering off; {PASS}",
        {"bound": "client_max_body_size 0"},
    ),
    "a bound of 100 MiB": (
        f"client_max_body_size 100m; proxy_request_buffering off; {PASS}",
        {"bound": "client_max_body_size 0"},
    ),
    "requests held back": (
        f"client_max_body_size 0; {PASS}",
        {"buffering": "proxy_request_buffering off"},
    ),
    "no /v2/": ("location / { root $DIRECTORY; }", {"answer": "location /v2/"}),
    "no registry": (
        "location / { proxy_pass http://127.0.0.1:9; }",
        {"answer": "start the registry"},
    ),
    "a header hidden": (
        f"{WHOLE} proxy_hide_header Docker-Content-Digest; {PASS}",
        {"manifest": "proxy_hide_header"},
    ),
    "paths written anew": (
        f"{WHOLE} location /v2/ {{ proxy_pass http://$UP/v2/; }}",
        {"paths": "proxy_pass"},
    ),
    "ranges dropped": (
        f'{WHOLE} {HOST} proxy_set_header Range ""; max_ranges 0; {PASS}',
        {"ranges": "Range"},
    ),
    "short headers": (
        f"{WHOLE} large_client_header_buffers 4 1k; {PASS}",
        {"headers": "large_client_header_buffers"},
    ),
    "pages for errors": (
        f"{WHOLE} {ERRORS} location /p {{ return 200; }} {PASS}",
        {"errors": "proxy_intercept_errors off"},
    ),
    "lists cut off": (
        f"{WHOLE} proxy_hide_header Link; {PASS}",
        {"lists": "proxy_hide_header Link"},
    ),
    "parts unnamed": (
        f"{WHOLE} proxy_hide_header Content-Range; {PASS}",
        {"ranges": "proxy_hide_header Content-Range"},
    ),
    "uploads without their offset": (
        f"{WHOLE} proxy_hide_header Range; {PASS}",
        {"buffering": "proxy_hide_header Range"},
    ),
    "addresses without their queries": (
        f"{WHOLE} {HOST} location /v2/ {{ set $up $UP; proxy_pass http://$up$uri; }}",
        {"lists": "$uri", "paths": "proxy_pass"},
    ),
    "reading alone": (
        f"{WHOLE} location /v2/ {{ limit_except GET {{ deny all; }} proxy_pass http://$UP; }}",
        {"location": "limit_except"},
    ),
    "TLS of long ago": (
        f"ssl_certificate $DIRECTORY/right.pem; ssl_protocols TLSv1.1; {PASS}",
        {"tls": "TLS 1.2"},
    ),
    "no server of this name": (f"ssl_certificate $DIRECTORY/right.pem; {REJECT}", {"tls": "name"}),
    "an expired certificate": ("ssl_certificate $DIRECTORY/expired.pem;", {"tls": "renew it"}),
    "a certificate of tomorrow": ("ssl_certificate $DIRECTORY/future.pem;", {"tls": "clock"}),
    "a chain without its middle": ("ssl_certificate $DIRECTORY/leaf.pem;", {"tls": "fullchain"}),
    "a chain whose middle has expired": (
        "ssl_certificate $DIRECTORY/late.pem;",
        {"tls": "made anew"},
    ),
    "compression of everything": (
        f"{WHOLE} gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1; {PASS}",
        {"compression": "gzip off"},
    ),
    "blobs in a circle": (
        f"{WHOLE} location ~ /blobs/sha256: {{ return 307 $request_uri; }} {PASS}",
        {"ranges": "curl -IL"},
    ),
    "a self-signed certificate": ("ssl_certificate $DIRECTORY/self.pem;", {"tls": "ca.crt"}),
    "another name": ("ssl_certificate $DIRECTORY/other.pem;", {"tls": "issued for 127.0.0.1"}),
    "a certificate of the client": (
        f"ssl_certificate $DIRECTORY/right.pem; {SHOWN} {PASS}",
        {"answer": "client.cert"},
    ),
    "no X-Forwarded-Proto": (
        "ssl_certificate $DIRECTORY/right.pem; location / { proxy_pass http://$CLOSED; }",
        {"realm": "X-Forwarded-Proto"},
    ),
}


def make_certificates(directory: Path) -> Path:
    """Make an authority and what is shown by its grace, or without; the authority's certificate."""

    def openssl(*words: str) -> None:
        command = ["openssl", *words]
        subprocess.run(command, cwd=directory, check=True, capture_output=True)

    def issue(name: str, host: str, first: str, last: str, kind: str = "CA:FALSE") -> None:
        lines = f"subjectAltName={host}\nbasicConstraints={kind}\n"
        (directory / f"{name}.ext").write_text(lines)
        request = ["-key", "key.pem", "-subj", f"/CN={name}", "-out", f"{name}.csr"]
        openssl("req", "-new", *request)
        signed = ["ca", "-batch", "-config", "ca.conf", "-in", f"{name}.csr"]
        dates = ["-startdate", first, "-enddate", last]
        openssl(*signed, "-out", f"{name}.pem", "-extfile", f"{name}.ext", *dates)

    (directory / "index.txt").touch()
    (directory / "serial").write_text("01\n")
    (directory / "ca.conf").write_text(CA)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "100"]
    for name, own in (("ca", "ca"), ("self", "key")):
        basic = ["-addext", "keyUsage=critical,keyCertSign"] if name == "ca" else []
        words = ["-subj", f"/CN={name}", "-keyout", f"{own}.pem", "-out", f"{name}.crt"]
        openssl("req", "-x509", *key, *words, *basic)
    (directory / "ca.pem").rename(directory / "ca.key")
    (directory / "self.crt").rename(directory / "self.pem")
    issue("right", "IP:127.0.0.1", "20200101000000Z", "20400101000000Z")
    issue("other", "DNS:other.example.com", "20200101000000Z", "20400101000000Z")
    issue("future", "IP:127.0.0.1", "20390101000000Z", "20400101000000Z")
    issue("expired", "IP:127.0.0.1", "20200101000000Z", "20210101000000Z")
    issue("middle", "DNS:middle", "20200101000000Z", "20400101000000Z", "CA:TRUE")
    issue("gone", "DNS:gone", "20200101000000Z", "20210101000000Z", "CA:TRUE")
    for middle, name in (("middle", "leaf"), ("gone", "late")):
        leaf = ["-in", "right.csr", "-extfile", "right.ext", "-out", f"{name}.pem"]
        by = ["-CA", f"{middle}.pem", "-CAkey", "key.pem", "-CAcreateserial", "-days", "1000"]
        openssl("x509", "-req", *leaf, *by)
    with (directory / "late.pem").open("a") as chain:
        chain.write((directory / "gone.pem").read_text())
    return directory / "ca.crt"


CA = """
[ca]
default_ca = it
[it]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
policy = any
[any]
commonName = supplied
"""


@pytest.fixture(scope="module")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One nginx with a server for each; their addresses, and the authority."""
    require("nginx")
    require("openssl")
    require_root()
    directory = tmp_path_factory.mktemp("doctor")
    authority = make_certificates(directory)
    with Registry() as open_, Registry(users={"ann": "secret"}, tokens=True) as closed:
        open_.push_image("team/app:1")
        open_.push_image("team/app:2")
        words = {"$UP": open_.host, "$CLOSED": closed.host, "$DIRECTORY": str(directory)}
        servers, addresses = [], {}
        for name, (lines, _) in DEPLOYMENTS.items():
            host = f"127.0.0.1:{free_port()}"
            secure = "ssl_certificate " in lines
            addresses[name] = f"{'https' if secure else 'http'}://{host}"
            server = f"server {{ listen {host}{' ssl' if secure else ''}; {lines} }}"
            for word, meant in words.items():
                server = server.replace(word, meant)
            servers.append(server)
        configuration = directory / "nginx.conf"
        configuration.write_text(NGINX.format(directory=directory, servers="\n".join(servers)))
        log = directory / "nginx.log"
        with background(["nginx", "-c", str(configuration)], log=log):
            wait_until((directory / "nginx.pid").exists, "nginx", log=log.read_text)
            yield addresses | {"authority": authority}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_has_the_finding_that_is_its_own(
    deployments: dict[str, Any],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    options = DoctorOptions(push=True, authorities=deployments["authority"])

    findings = list(examine(deployments[name], options))

    bad = {FindingState.WARN, FindingState.WRONG}
    found = {one.name: one.advice for one in findings if one.state in bad}
    expected = DEPLOYMENTS[name][1]
    assert set(found) == set(expected), json.dumps([(one.name, one.what) for one in findings])
    for one, advice in expected.items():
        assert advice in found[one]


@pytest.mark.parametrize("version", [VERSION_2, VERSION_3])
def test_a_registry_of_another_maker_has_nothing_wrong(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_of(version)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with distribution_serve(version, tmp_path / "volume") as client:
        for number in range(2):
            Repository(client, "team/app").push_image(f"v{number}", b"layer %d" % number)

        findings = list(examine(f"http://{client.host}", DoctorOptions(push=True)))

    well = {FindingState.OK, FindingState.SKIPPED}
    assert [(one.name, one.what) for one in findings if one.state not in well] == []
    assert "ranges" in {one.name for one in findings}


HAPROXY = """
defaults
  mode http
  retries 0
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend stripping
  bind {stripping}
  http-response del-header Docker-Distribution-Api-Version
  default_backend up
frontend inside
  bind {inside}
  http-response replace-header Location ^/(.*) http://inside:5000/\\1
  default_backend up
frontend down
  bind {down}
  default_backend down
frontend small
  bind {small}
  http-request set-path %[path,lower]
  default_backend up
frontend whole
  bind {whole}
  http-request return status 411 if {{ req.hdr(Transfer-Encoding) -m found }}
  default_backend up
backend up
  server one {upstream}
backend down
  server one 127.0.0.1:9
"""


FRONTENDS = ("stripping", "inside", "down", "small", "whole")


@contextmanager
def haproxy(directory: Path, upstream: str) -> Iterator[dict[str, str]]:
    """Run HAProxy; the addresses of its frontends."""
    require("haproxy")
    hosts = {name: f"127.0.0.1:{free_port()}" for name in FRONTENDS}
    configuration = directory / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(upstream=upstream, **hosts))
    log = directory / "haproxy.log"
    with background(["haproxy", "-db", "-f", str(configuration)], log=log):
        for host in hosts.values():
            wait_until(lambda host=host: _listens(host), "haproxy", log=log.read_text)  # type: ignore[misc]
        yield hosts


def _listens(host: str) -> bool:
    first = next(one for one in examine(f"http://{host}") if one.name == "connection")
    return first.state is FindingState.OK


def test_haproxy_is_looked_through_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Registry() as registry, haproxy(tmp_path, registry.host) as hosts:
        registry.push_image("team/app:1")
        found = {
            name: {
                one.name: f"{one.what}; {one.advice}"
                for one in examine(f"http://{host}", DoctorOptions(push=True))
                if one.state in {FindingState.WARN, FindingState.WRONG}
            }
            for name, host in hosts.items()
        }

    assert list(found["stripping"]) == ["answer"], found
    assert list(found["inside"]) == ["location"], found
    assert "http.host" in found["inside"]["location"]
    assert "start the registry" in found["down"]["answer"]
    assert list(found["small"]) == ["paths"], found
    assert "capitals" in found["small"]["paths"]
    assert list(found["whole"]) == ["chunked"], found

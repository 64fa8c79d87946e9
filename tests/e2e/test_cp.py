"""`lading cp` with other people's registries and proxies, checked by other people's clients."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lading.cli.commands import main
from lading.client import BlobContent, Client, LayoutFolder, RemoteManifest, SessionOptions
from lading.core.digest import Digest
from tests.support.client import Client as RegistryClient
from tests.support.commands import require, require_root, run
from tests.support.distribution_serve import VERSION_2, distribution_serve
from tests.support.olareg import olareg_serve
from tests.support.processes import background, free_port, wait_until

pytestmark = pytest.mark.e2e

OCI = "application/vnd.oci.image.manifest.v1+json"
MIB = 1024 * 1024
# What a well-known service before many registries lets through, in MB.
CAP = 100

NGINX = """
daemon off; user root; pid {directory}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log {directory}/access.log;
  client_body_temp_path {directory}/body;
  client_max_body_size {cap}m;
  limit_req_zone $binary_remote_addr zone=clients:1m rate={rate}r/s;
  limit_req_status 429;
  server {{
    listen {host};
    limit_req zone=clients burst=10 nodelay;
    add_header Retry-After 1 always;
    location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host; }}
  }}
}}
"""


@contextmanager
def capped(upstream: str, directory: Path, rate: int = 1000) -> Iterator[str]:
    """Run nginx with bounds on a request's body, and on the requests of a second."""
    require("nginx")
    require_root()
    host = f"127.0.0.1:{free_port()}"
    configuration = directory / "capped.conf"
    words: dict[str, object] = {
        "directory": directory,
        "cap": CAP,
        "host": host,
        "upstream": upstream,
    }
    words["rate"] = rate
    configuration.write_text(NGINX.format(**words))
    log = directory / "capped.log"
    with background(["nginx", "-c", str(configuration)], log=log):
        wait_until((directory / "nginx.pid").exists, "nginx", log=log.read_text)
        yield host


def make_layout(root: Path, tags: int, layer: bytes) -> LayoutFolder:
    """Make a folder of images that share a layer."""
    folder = LayoutFolder(root)
    for number in range(tags):
        config = json.dumps({"os": "linux", "architecture": "amd64", "n": number}).encode()
        blobs = [(config, "application/vnd.oci.image.config.v1+json")]
        blobs.append((layer, "application/vnd.oci.image.layer.v1.tar"))
        for data, _ in blobs:
            folder.push_blob(BlobContent(Digest.of(data), len(data), _reader(data)))
        described = [
            {"mediaType": kind, "digest": Digest.of(data), "size": len(data)}
            for data, kind in blobs
        ]
        document = {"schemaVersion": 2, "mediaType": OCI}
        body = json.dumps(document | {"config": described[0], "layers": described[1:]}).encode()
        folder.push_manifest(f"v{number}", RemoteManifest(Digest.of(body), OCI, body))
    return folder


def _reader(data: bytes) -> Any:
    return lambda offset, length: [data[offset : offset + length]]


def copy(*words: object) -> dict[str, Any]:
    """Copy; the summary."""
    result = CliRunner().invoke(main, ["cp", *map(str, words), "--json"])
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])["summary"]
    return summary


def test_a_proxy_that_bounds_requests_costs_smaller_ones(tmp_path: Path) -> None:
    folder = make_layout(tmp_path / "layout", 1, os.urandom(110 * MIB))
    with (
        distribution_serve(VERSION_2, tmp_path / "volume") as registry,
        capped(registry.host, tmp_path) as host,
    ):
        copy(f"oci:{tmp_path}/layout:v0", f"{host}/app")

        lines = (tmp_path / "access.log").read_text().splitlines()
        assert any('"PUT ' in line and '" 413 ' in line for line in lines)
        assert sum('"PATCH ' in line and '" 202 ' in line for line in lines) == 2
        require("crane")
        layer = folder.manifest("v0").blobs[1]["digest"]
        assert Digest.of(run(["crane", "blob", f"{host}/app@{layer}"]).stdout) == layer
        said = run(["crane", "digest", f"{host}/app:v0"]).stdout.decode().strip()
        assert said == folder.digest("v0")


@contextmanager
def distribution(root: Path) -> Iterator[RegistryClient]:
    with distribution_serve(VERSION_2, root) as registry:
        yield registry


# What an image costs: olareg takes a configuration by one request, Distribution by two.
@pytest.mark.parametrize(("serve", "requests"), [(distribution, 3), (olareg_serve, 2)])
def test_many_tags_go_there_and_come_back(
    serve: Callable[[Path], AbstractContextManager[RegistryClient]], requests: int, tmp_path: Path
) -> None:
    folder = make_layout(tmp_path / "layout", 20, os.urandom(MIB))
    with serve(tmp_path / "volume") as registry:
        target = f"{registry.host}/team/app"
        first = copy(f"oci:{tmp_path}/layout", target, "--tags", "v*")
        second = copy(f"oci:{tmp_path}/layout", target, "--tags", "v*")
        copy(target, f"oci:{tmp_path}/back", "--tags", "v*")

        require("skopeo")
        words = ["skopeo", "list-tags", "--tls-verify=false", f"docker://{target}"]
        assert len(json.loads(run(words).stdout)["Tags"]) == 20

    assert first["images"] == {"copied": 20}
    assert sum(first["requests"].values()) <= 20 * requests + 40
    assert second["images"] == {"there": 20}
    assert set(second["requests"]) <= {"HEAD", "GET"}
    assert second["requests"].get("GET", 0) <= 1  # by which TLS is tried
    back = LayoutFolder(tmp_path / "back")
    assert {t: back.digest(t) for t in back.tags()} == {t: folder.digest(t) for t in folder.tags()}


def test_a_proxy_that_bounds_how_many_requests_come_gets_them_slowly(tmp_path: Path) -> None:
    folder = make_layout(tmp_path / "layout", 20, os.urandom(MIB))
    with (
        distribution(tmp_path / "volume") as registry,
        capped(registry.host, tmp_path, rate=40) as host,
    ):
        first = copy(f"oci:{tmp_path}/layout", f"{host}/app", "--tags", "v*", "--jobs", "16")
        log = (tmp_path / "access.log").read_text()
        with Client(registry.host) as client:
            there = {tag: client.repository("app").digest(tag) for tag in client.tags("app")}

    assert there == {tag: folder.digest(tag) for tag in folder.tags()}
    assert 0 < log.count('" 429 ') < sum(first["requests"].values()) / 2


def test_another_run_goes_on_with_the_upload_of_one_that_was_killed(tmp_path: Path) -> None:
    data = os.urandom(48 * MIB)
    digest = Digest.of(data)
    options = SessionOptions(kept_uploads=tmp_path / "kept")
    sent: list[int] = []

    def content(until: int) -> BlobContent:
        def read(offset: int, length: int) -> Iterator[bytes]:
            for start in range(offset, offset + length, MIB):
                if start >= until:
                    raise KeyboardInterrupt
                sent.append(start)
                yield data[start : min(start + MIB, offset + length)]

        return BlobContent(digest, len(data), read)

    with distribution_serve(VERSION_2, tmp_path / "volume") as registry:
        with Client(registry.host, options=options) as client:
            client._chunks.size = 16 * MIB
            with pytest.raises(KeyboardInterrupt):
                client.repository("app").push_blob(content(until=32 * MIB))
        sent.clear()
        with Client(registry.host, options=options) as client:
            assert client.repository("app").push_blob(content(until=len(data)))
            assert client.repository("app").has_blob(digest)

    assert min(sent) == 32 * MIB

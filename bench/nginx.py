"""nginx: the deployment's proxy in front of lading, and a server of plain files to compare with.

A file that nginx itself serves is also what shows that the load comes from a generator that can do
more than any registry here: its figures are the ceiling.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.content import MIB, Blob, large_blob, push_blob
from bench.http import Connection
from bench.registries import find
from bench.running import free_port, running, wait
from bench.wrk import load

CONFIGURATION = Path("deploy/compose/nginx.conf")
REPOSITORY = "library/nginx"
SIZE = 256 * MIB


@dataclass
class Ceilings:
    """Figures of nginx; for each round one.

    Attributes:
        small_files: requests per second, of a file of 4 KiB, as wrk asks for them.
        file: MB/s of a file of 256 MiB, which nginx serves itself.
        blob: MB/s of the same bytes as a blob, through the deployment's proxy.
    """

    small_files: list[float] = field(default_factory=list)
    file: list[float] = field(default_factory=list)
    blob: list[float] = field(default_factory=list)


def measure(directory: Path, *, rounds: int, seconds: float) -> Ceilings:
    """Pull through the proxy and from plain files, in turn."""
    ceilings = Ceilings()
    small, large = Blob.of(bytes(4096)), large_blob(SIZE)
    behind_proxy = {
        "REGISTRY_HTTP_ACCELREDIRECT": "/_blobs/",
        "REGISTRY_HTTP_TRUSTEDPROXIES": "[127.0.0.1]",
    }
    with running(find("lading"), directory, environment=behind_proxy) as registry:
        with registry.connect() as connection, large.open() as body:
            push_blob(connection, REPOSITORY, large.digest, body)
            push_blob(connection, REPOSITORY, small.digest, small.body)
        with _nginx(directory, registry.port, registry.data) as (proxy, files):
            for _ in range(rounds):
                path = f"/v2/{REPOSITORY}/blobs/{large.digest}"
                ceilings.blob.append(_pull(proxy, path, seconds))
                ceilings.file.append(_pull(files, _file(large.digest), seconds))
                done = load(files, _file(small.digest), connections=16, seconds=seconds)
                ceilings.small_files.append(done.requests / done.seconds)
    return ceilings


def _pull(port: int, path: str, seconds: float) -> float:
    with Connection(port) as connection:
        size, start = 0, time.perf_counter()
        while time.perf_counter() < start + seconds:
            size += connection.request("GET", path).expect(200).size
        return size / 1e6 / (time.perf_counter() - start)


def _file(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"/{algorithm}/{value[:2]}/{value}/data"


@contextmanager
def in_front_of(registry: int) -> Iterator[int]:
    """The port of nginx as a proxy of any registry, which keeps connections to it."""
    port = free_port()
    text = _PROXY.format(user="user root;" if os.geteuid() == 0 else "", port=port, to=registry)
    with TemporaryDirectory(prefix="lading-bench-") as directory:
        config = Path(directory, "nginx.conf")
        config.write_text(text)
        with _running(config, port):
            yield port


_PROXY = """
{user}
worker_processes auto;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    upstream registry {{ server 127.0.0.1:{to}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        location / {{ proxy_pass http://registry; }}
    }}
}}
"""


@contextmanager
def _nginx(directory: Path, registry: int, data: Path) -> Iterator[tuple[int, int]]:
    """The ports of the proxy, and of the plain files."""
    proxy, files = free_port(), free_port()
    blobs = data / "docker/registry/v2/blobs"
    text = CONFIGURATION.read_text()
    for pattern, replacement in (
        (r"server registry:5000;", f"server 127.0.0.1:{registry};"),
        (r"listen 80;", f"listen 127.0.0.1:{proxy};"),
        (r"/var/lib/registry/docker/registry/v2/blobs/", f"{blobs}/"),
        (r"pid .*;", f"pid {directory}/nginx.pid;"),
        (r"access_log .*;", "access_log off;"),
    ):
        text, count = re.subn(pattern, replacement, text)
        assert count, f"{CONFIGURATION} has no {pattern!r}"
    if os.geteuid() == 0:  # else its workers would be somebody who may not see the files
        text = f"user root;\n{text}"
    plain = f"server {{ listen 127.0.0.1:{files}; location / {{ root {blobs}; }} }}\n}}"
    config = directory / "nginx.conf"
    config.write_text(text.rstrip().removesuffix("}") + plain)
    with _running(config, proxy):
        yield proxy, files


@contextmanager
def _running(config: Path, port: int) -> Iterator[None]:
    directory = config.parent
    command = ["nginx", "-p", str(directory), "-c", str(config), "-g", "daemon off;"]
    log = directory / "nginx.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait()

"""Layers of gigabytes go up and come down in pieces: the memory of a worker does not follow."""

import hashlib
import http.client
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve, started_workers
from tests.support.pushes import Repository

MIB = 1024**2
GIB = 1024**3
# Of each worker, in bytes, at its peak.
MEMORY = 150 * MIB

pytestmark = pytest.mark.e2e


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that is gone right after the test, with its gigabytes."""
    with tempfile.TemporaryDirectory(prefix="lading-large-") as directory:
        yield Path(directory)


@pytest.fixture
def registry(directory: Path) -> Iterator[Lading]:
    """A registry with two workers."""
    with lading_serve(directory) as registry:
        yield registry


def layer(path: Path, size: int, name: bytes) -> Path:
    """Make a layer that takes no space: its name, and zeros."""
    with path.open("wb") as file:
        file.write(name)
        file.truncate(size)
    return path


def digest_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def push(repository: Repository, path: Path) -> str:
    """Push a layer in one stream while its digest is computed, as clients do; return the digest."""
    with ThreadPoolExecutor() as threads:
        digest = threads.submit(digest_of, path)
        location = repository.start_upload()
        with path.open("rb") as file, closing(connect(repository)) as connection:
            connection.request(
                "PATCH", location, file, {"Content-Length": str(path.stat().st_size)}
            )
            assert connection.getresponse().status == 202
        answer = repository.client.ask("PUT", f"{location}?digest={digest.result()}")
        assert answer.status == 201, answer
        return digest.result()


def pull(repository: Repository, digest: str) -> str:
    """Pull a layer; return the digest of what came."""
    hasher = hashlib.sha256()
    with closing(connect(repository)) as connection:
        connection.request("GET", f"{repository.path}/blobs/{digest}")
        response = connection.getresponse()
        assert response.status == 200
        while data := response.read(MIB):
            hasher.update(data)
    return f"sha256:{hasher.hexdigest()}"


def connect(repository: Repository) -> http.client.HTTPConnection:
    """Connect with a client that sends files piece by piece."""
    return http.client.HTTPConnection(repository.client.host, timeout=600, blocksize=MIB)


def peaks(registry: Lading) -> dict[int, int]:
    """Return the most memory that each worker ever had, in bytes."""
    return {worker: _peak(worker) for worker in started_workers(registry)}


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.timeout(1200)
def test_a_layer_of_ten_gibibytes(registry: Lading, directory: Path) -> None:
    """From a sparse file, so that the test needs the space once only."""
    repository = Repository(registry.client, "large/one")
    source = layer(directory / "layer", 10 * GIB, b"ten gibibytes")
    before = peaks(registry)

    digest = push(repository, source)
    assert pull(repository, digest) == digest

    after = peaks(registry)
    assert after.keys() == before.keys()
    assert max(after.values()) < MEMORY


@pytest.mark.timeout(300)
def test_many_large_layers_at_once(registry: Lading, directory: Path) -> None:
    """Sixteen uploads and as many downloads, beside each other."""
    repository = Repository(registry.client, "large/many")
    sources = [
        layer(directory / f"layer{number}", 64 * MIB, b"layer %d" % number) for number in range(16)
    ]
    with ThreadPoolExecutor(16) as threads:
        digests = list(threads.map(lambda source: push(repository, source), sources))
        pulled = list(threads.map(lambda digest: pull(repository, digest), digests))

    assert pulled == digests
    assert max(peaks(registry).values()) < MEMORY

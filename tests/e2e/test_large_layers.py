"""Layers of gigabytes go up and come down in pieces: the memory of a worker does not follow."""

import hashlib
import http.client
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support.lading import Lading, lading_serve, started_workers
from tests.support.pushes import Repository

MIB = 1024**2
GIB = 1024**3
# Of each worker, in bytes, at its peak.
MEMORY = 150 * MIB
ZEROS = bytes(MIB)
# The digest of "ten gibibytes" and as many zeros as make it so many bytes.
TEN_GIBIBYTES = "sha256:7c6204eea041ab2702514f044aeb214d9ca735cd4ea7956e4080ef0e2850e5dc"

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


@dataclass(frozen=True)
class Layer:
    """A layer that takes no space: a name, and zeros.

    Attributes:
        path: its file.
    """

    path: Path
    name: bytes
    size: int

    @classmethod
    def make(cls, path: Path, size: int, name: bytes) -> "Layer":
        """Write the file, which has a hole where the zeros are."""
        with path.open("wb") as file:
            file.write(name)
            file.truncate(size)
        return cls(path, name, size)

    def digest(self) -> str:
        """Compute its digest."""
        with self.path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    def is_read_from(self, response: http.client.HTTPResponse) -> bool:
        """Whether a response brings it: to compare zeros costs less than to hash them."""
        is_same = response.read(len(self.name)) == self.name
        read = len(self.name)
        while data := response.read(MIB):
            is_same = is_same and data == ZEROS[: len(data)]
            read += len(data)
        return is_same and read == self.size


def push(repository: Repository, layer: Layer, digest: str = "") -> str:
    """Push a layer in one stream while its digest is computed, as clients do; return the digest.

    Args:
        digest: its own, if that is known.
    """
    with ThreadPoolExecutor() as threads:
        computed = threads.submit(lambda: digest or layer.digest())
        location = repository.start_upload()
        with layer.path.open("rb") as file, closing(connect(repository)) as connection:
            connection.request("PATCH", location, file, {"Content-Length": str(layer.size)})
            assert connection.getresponse().status == 202
        answer = repository.client.ask("PUT", f"{location}?digest={computed.result()}")
        assert answer.status == 201, answer
        return computed.result()


def assert_pulled(repository: Repository, layer: Layer, digest: str) -> None:
    """Pull a layer; what comes is what was pushed, byte for byte."""
    with closing(connect(repository)) as connection:
        connection.request("GET", f"{repository.path}/blobs/{digest}")
        response = connection.getresponse()
        assert response.status == 200
        assert layer.is_read_from(response)


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
    source = Layer.make(directory / "layer", 10 * GIB, b"ten gibibytes")
    before = peaks(registry)

    push(repository, source, TEN_GIBIBYTES)
    assert_pulled(repository, source, TEN_GIBIBYTES)

    after = peaks(registry)
    assert after.keys() == before.keys()
    assert max(after.values()) < MEMORY


@pytest.mark.timeout(600)
def test_many_large_layers_at_once(registry: Lading, directory: Path) -> None:
    """Sixteen uploads and as many downloads, beside each other."""
    repository = Repository(registry.client, "large/many")
    sources = [
        Layer.make(directory / f"layer{number}", 64 * MIB, b"layer %d" % number)
        for number in range(16)
    ]
    with ThreadPoolExecutor(16) as threads:
        digests = list(threads.map(partial(push, repository), sources))
        list(threads.map(partial(assert_pulled, repository), sources, digests))

    assert max(peaks(registry).values()) < MEMORY

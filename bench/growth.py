"""How the cost of a request grows with what the registry holds. It should not.

A registry of 100,000 repositories and a million blobs would take hours to push. So the rows are put
into the database directly, as pushes would have left them; what is asked for, and what is deleted
and collected, is pushed in earnest.
"""

import hashlib
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.content import ACCEPT, image, push_image, push_manifest
from bench.http import Connection
from bench.progress import Progress
from bench.registries import find
from bench.running import Running, running
from lading.wiring.paths import metadata_path

SIZES = (100, 1_000, 10_000, 100_000)
# Of every repository.
BLOBS = 10
# Requests of each kind, for each size.
REQUESTS = 400
# Images that are deleted and collected.
GARBAGE = 50


@dataclass
class Growth:
    """What a registry of one size costs.

    Attributes:
        repositories: how many there are; also tags in one of them, and a tenth of all blobs.
        p50_ms: by kind of request.
        collection: seconds for `lading garbage-collect`, for the same garbage every time.
    """

    repositories: int
    p50_ms: dict[str, float]
    collection: float


def grow(sizes: tuple[int, ...]) -> list[Growth]:
    """Measure registries of these sizes."""
    return [_measure(size) for size in Progress("grow", sizes, lambda size: f"{size:,}")]


def _measure(size: int) -> Growth:
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as name:
        directory = Path(name)
        pushed = image(random.Random(1), [20_000])
        # Before the rest: a registry does not start if no blob of its database is on the disk.
        with running(find("lading"), directory) as registry, registry.connect() as connection:
            push_image(connection, "zz/asked", "latest", pushed)
        _fill(directory / "lading", size)
        with running(find("lading"), directory) as registry, registry.connect() as connection:
            paths = {
                "catalog page": f"/v2/_catalog?n=100&last={_repository(size // 2)}",
                "tags page": f"/v2/many/tags/tags/list?n=100&last={_tag(size // 2)}",
                "manifest by tag": "/v2/zz/asked/manifests/latest",
                "small blob": f"/v2/zz/asked/blobs/{pushed.blobs[0].digest}",
            }
            p50_ms = {kind: _p50(connection, path) for kind, path in paths.items()}
            p50_ms["push of a tag"] = _p50_of_pushes(connection, pushed.manifest.body)
            _leave_garbage(connection)
            return Growth(size, p50_ms, _collect(registry))


def _p50(connection: Connection, path: str) -> float:
    seconds = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        connection.request("GET", path, headers=ACCEPT).expect(200)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def _p50_of_pushes(connection: Connection, manifest: bytes) -> float:
    seconds = []
    for number in range(REQUESTS):
        start = time.perf_counter()
        push_manifest(connection, "zz/asked", f"v{number}", manifest)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def _leave_garbage(connection: Connection) -> None:
    rng = random.Random(2)
    for number in range(GARBAGE):
        pushed = image(rng, [5_000])
        push_image(connection, f"zz/garbage-{number}", "latest", pushed)
        path = f"/v2/zz/garbage-{number}/manifests/{pushed.manifest.digest}"
        connection.request("DELETE", path).expect(202)


def _collect(registry: Running) -> float:
    program = Path(sys.executable).with_name("lading")
    config = registry.data.with_suffix(".yml")
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {registry.data}}}}}\n"
    )
    start = time.perf_counter()
    subprocess.run([program, "garbage-collect", "--quiet", config], check=True, capture_output=True)
    return time.perf_counter() - start


def _repository(number: int) -> str:
    return f"grown/repository-{number:06}"


def _tag(number: int) -> str:
    return f"t{number:06}"


def _fill(root: Path, size: int) -> None:
    """Put rows into a database that knows one image, as if everything had been pushed."""
    connection = sqlite3.connect(metadata_path(root), isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for statement, rows in _rows(size):
        # In the order of their keys, so that a tree is filled from one end.
        connection.executemany(statement, sorted(rows))
    connection.execute("COMMIT")
    connection.close()
    # Or the kernel writes a gigabyte to the disk while the first requests are measured.
    os.sync()


def _rows(size: int) -> Iterator[tuple[str, Iterable[tuple[object, ...]]]]:
    """Statements, each with its rows: repositories after the first, and one of many tags."""
    many = size + 2
    repositories = range(2, size + 2)
    yield (
        "INSERT INTO repositories (id, name, pushed_at) VALUES (?, ?, 1)",
        [*((id_, _repository(id_)) for id_ in repositories), (many, "many/tags")],
    )
    yield (
        "INSERT INTO blobs (digest, size, created_at) VALUES (?, 1000, 1)",
        ((_blob(id_, number),) for id_ in repositories for number in range(BLOBS)),
    )
    yield (
        "INSERT INTO links (repository_id, digest, promised_at, used_at) VALUES (?, ?, 1, 1)",
        ((id_, _blob(id_, number)) for id_ in repositories for number in range(BLOBS)),
    )
    yield (
        """
        INSERT INTO manifests (id, repository_id, digest, media_type, artifact_type, size,
            pushed_at, promised_at, used_at)
        VALUES (?, ?, ?, 'application/vnd.oci.image.manifest.v1+json', '', 1000, 1, 1, 1)
        """,
        ((id_, id_, _manifest(id_)) for id_ in (*repositories, many)),
    )
    yield (
        "INSERT INTO documents (id, annotations, body) VALUES (?, x'7b7d', zeroblob(1000))",
        ((id_,) for id_ in (*repositories, many)),
    )
    yield (
        "INSERT INTO edges (repository_id, parent, child, kind) VALUES (?, ?, ?, 'layer')",
        (
            (id_, _manifest(id_), _blob(id_, number))
            for id_ in repositories
            for number in range(BLOBS)
        ),
    )
    tags = [(id_, "latest", _manifest(id_)) for id_ in repositories]
    tags += [(many, _tag(number), _manifest(many)) for number in range(size)]
    yield "INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (?, ?, ?, 1)", tags
    yield (
        "INSERT INTO tag_history (repository_id, tag, digest, actor, at) VALUES (?, ?, ?, '', 1)",
        tags,
    )


def _blob(repository: int, number: int) -> str:
    return _digest(f"blob {repository} {number}")


def _manifest(repository: int) -> str:
    return _digest(f"manifest {repository}")


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

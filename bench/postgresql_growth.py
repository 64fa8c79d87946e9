"""How the cost of a request grows with what PostgreSQL holds. It should not.

`python -m bench.postgresql_growth URL [SIZE …]` fills an empty database, of which one has to be the
superuser, with as many manifests as each size says, and measures the metadata there by itself.
The rows are made by the server, as pushes would have left them.
"""

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from lading.core import media
from lading.core.digest import SHA256, Digest
from lading.core.history import Change
from lading.core.manifest import Manifest
from lading.core.manifest_document import parse
from lading.core.names import RepositoryName, Tag, UploadId, UploadKey
from lading.databases.postgresql.database import PostgresqlDatabase
from lading.databases.postgresql.server import Server
from lading.metadata.metadata import Metadata
from lading.metadata.pushes import ManifestPush
from lading.ports.database import Database, SqlConnection

SIZES = (1_000, 10_000, 100_000, 1_000_000)
# Manifests of a repository, and of one transaction that fills.
IN_REPOSITORY = 1_000
PIECE = 50_000
# Requests of each kind; the quickest of so many rounds counts, as others use the machine, too.
REQUESTS, ROUNDS = 300, 3

_DIGEST = "'sha256:' || encode(sha256(convert_to({}, 'UTF8')), 'hex')"
_MANIFEST = _DIGEST.format("'manifest ' || n")
_CONFIG = _DIGEST.format("'config ' || n")
_LAYER = _DIGEST.format("'layer ' || n % 10000")
_HERE = f"1 + n / {IN_REPOSITORY}"
_FROM = "FROM generate_series(CAST(:first AS BIGINT), CAST(:last AS BIGINT)) AS n"
# Each manifest has a config of its own, and a layer that a hundred have in the end.
_FILL = (
    "SET LOCAL session_replication_role = replica",
    f"""INSERT INTO repositories (id, name, pushed_at)
        SELECT DISTINCT {_HERE}, 'group/image-' || n / {IN_REPOSITORY}, 1.0 {_FROM}
        ON CONFLICT DO NOTHING""",
    f"""INSERT INTO blobs (digest, size, created_at)
        SELECT {_CONFIG}, 5, 1.0 {_FROM} UNION SELECT {_LAYER}, 5, 1.0 {_FROM}
        ON CONFLICT DO NOTHING""",
    f"""INSERT INTO links (repository_id, digest, promised_at, used_at)
        SELECT {_HERE}, {_CONFIG}, 1.0, 1.0 {_FROM}
        UNION SELECT {_HERE}, {_LAYER}, 1.0, 1.0 {_FROM} ON CONFLICT DO NOTHING""",
    f"""INSERT INTO manifests (id, repository_id, digest, media_type, artifact_type, size,
            pushed_at, promised_at, used_at)
        SELECT n, {_HERE}, {_MANIFEST}, 'application/vnd.oci.image.manifest.v1+json', '', 600,
            1.0, 1.0, 1.0 {_FROM}""",
    f"""INSERT INTO documents (id, annotations, body)
        SELECT n, '', convert_to(repeat({_CONFIG}, 8), 'UTF8') {_FROM}""",
    f"""INSERT INTO edges (repository_id, parent, child, kind)
        SELECT {_HERE}, {_MANIFEST}, {_CONFIG}, 'config' {_FROM}
        UNION ALL SELECT {_HERE}, {_MANIFEST}, {_LAYER}, 'layer' {_FROM}""",
    f"""INSERT INTO tags (repository_id, name, digest, updated_at)
        SELECT {_HERE}, 'v' || n, {_MANIFEST}, 1.0 {_FROM}""",
    f"""INSERT INTO tag_history (repository_id, tag, digest, actor, at)
        SELECT {_HERE}, 'v' || n, {_MANIFEST}, '', 1.0 {_FROM}""",
)
_CHANGE = Change("bench", 2.0)


async def fill(database: Database, first: int, last: int) -> None:
    """Put manifests of these numbers into a database, as pushes would have left them."""
    for start in range(first, last + 1, PIECE):
        values = {"first": start, "last": min(last, start + PIECE - 1)}
        await database.write(partial(_fill, values=values), durable=False)
    await database.read(_tidy)


def _fill(connection: SqlConnection, values: dict[str, int]) -> None:
    for statement in _FILL:
        connection.execute(statement, values if ":first" in statement else ())


def _tidy(connection: SqlConnection) -> None:
    """Leave numbers free for what is filled later, and count what there is."""
    for table in ("repositories", "manifests"):
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        connection.execute(f"SELECT setval({sequence}, greatest(nextval({sequence}), {10**9}))")
    connection.execute("VACUUM ANALYZE")


class _Requests:
    """Requests of a registry of some size, as services make them."""

    def __init__(self, metadata: Metadata, size: int) -> None:
        self._metadata = metadata
        self._size = size
        self._random = random.Random(size)
        self._pushes = 0

    def _any(self) -> tuple[RepositoryName, int]:
        number = self._random.randint(1, self._size)
        return RepositoryName(f"group/image-{number // IN_REPOSITORY}"), number

    async def pull(self) -> None:
        """Find a manifest by its tag."""
        repository, number = self._any()
        assert await self._metadata.manifests.find(repository, Tag(f"v{number}")) is not None

    async def list_tags(self) -> None:
        """Read a page of tags."""
        repository, number = self._any()
        await self._metadata.tags.page(repository, after=f"v{number}", limit=100)

    async def push(self) -> None:
        """Push a config, and a manifest of it and of a layer that is there, with a new tag."""
        repository, number = self._any()
        self._pushes += 1
        config = Digest.of(b"%d %d" % (self._size, self._pushes))
        layer = Digest.of(b"layer %d" % (number % 10_000))
        key = UploadKey.of(repository, UploadId.of(uuid.uuid4()))
        await self._metadata.links.add(repository, config, 5, upload=key, change=_CHANGE)
        push = ManifestPush(
            repository=repository,
            manifest=_image(config, layer),
            tags=[Tag(f"new-{self._size}-{self._pushes}")],
            change=_CHANGE,
        )
        await self._metadata.manifests.push(push)


def _image(config: Digest, layer: Digest) -> Manifest:
    """The manifest of an image."""
    parts = [{"mediaType": "a/b", "digest": digest, "size": 5} for digest in (config, layer)]
    document = {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}
    return parse(json.dumps(document).encode(), media.OCI_MANIFEST, SHA256)


async def _times(request: Callable[[], Awaitable[None]]) -> str:
    """Milliseconds that half of the requests take at most, and 99 of 100, one after the other."""
    rounds = []
    for _ in range(ROUNDS):
        seconds = []
        for _ in range(REQUESTS):
            start = time.perf_counter()
            await request()
            seconds.append(time.perf_counter() - start)
        seconds.sort()
        rounds.append((seconds[REQUESTS // 2], seconds[REQUESTS * 99 // 100]))
    p50, p99 = (1000 * min(times) for times in zip(*rounds, strict=True))
    return f"{p50:.2f} / {p99:.2f} ms"


async def _measure(url: str, sizes: Sequence[int]) -> None:
    database = PostgresqlDatabase(Server(url, timeout=3600))
    metadata = Metadata(database)
    filled = 0
    sys.stdout.write("| manifests | pull | page of 100 tags | push |\n|--:|--:|--:|--:|\n")
    for size in sizes:
        await fill(database, filled + 1, size)
        filled = size
        requests = _Requests(metadata, size)
        kinds = (requests.pull, requests.list_tags, requests.push)
        figures = [await _times(kind) for kind in kinds]
        sys.stdout.write(f"| {size:,} | {' | '.join(figures)} |\n")
        sys.stdout.flush()
    await metadata.close()


if __name__ == "__main__":
    asyncio.run(_measure(sys.argv[1], [int(size) for size in sys.argv[2:]] or SIZES))

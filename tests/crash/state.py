"""What can be seen of a registry, what must be true of it, and what is left over in it."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from lading.blobs import distribution
from lading.blobs.layout import Layout
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata.references import KEPT
from lading.services.pull import pull_blob
from lading.wiring.paths import metadata_path
from tests.support.contents import read
from tests.support.people import People

BLOBS = "docker/registry/v2/blobs"

View = Mapping[str, str]


@dataclass
class Place(People):
    """People with a registry whose files are at hand.

    Attributes:
        root: where its data is.
        url: of its database, if that is not below `root`.
    """

    root: Path = field(default_factory=Path)
    url: str = ""


P = TypeVar("P", bound=Place)
T = TypeVar("T")


def visit(place: Callable[[], P], work: Callable[[P], Awaitable[T]]) -> T:
    """Do something at a place in this process, and put everything away again."""

    async def run() -> T:
        opened = place()
        try:
            return await work(opened)
        finally:
            opened.stores.close()
            await opened.metadata.close()

    return asyncio.run(run())


_LINKS = """
    SELECT name, digest FROM links JOIN repositories ON id = repository_id WHERE deleted_at IS NULL
"""
# Each of these finds what must not be.
_CONTRADICTIONS = {
    "a manifest whose blob is not in the repository": """
        SELECT m.digest FROM manifests AS m
        JOIN edges ON edges.repository_id = m.repository_id AND edges.parent = m.digest
        WHERE m.deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM manifests AS child
            WHERE child.repository_id = m.repository_id AND child.digest = edges.child)
        AND NOT EXISTS (SELECT 1 FROM links WHERE links.repository_id = m.repository_id
            AND links.digest = edges.child AND links.deleted_at IS NULL)
    """,
    "a tag without a manifest": """
        SELECT name FROM tags WHERE NOT EXISTS (SELECT 1 FROM manifests AS m
            WHERE m.repository_id = tags.repository_id AND m.digest = tags.digest
            AND deleted_at IS NULL)
    """,
    "an orphan that is no tag, or whose subject is there": """
        SELECT tag FROM orphans
        WHERE NOT EXISTS (SELECT 1 FROM tags
            WHERE tags.repository_id = orphans.repository_id AND name = tag)
        OR EXISTS (SELECT 1 FROM manifests AS m WHERE m.repository_id = orphans.repository_id
            AND m.digest = 'sha256:' || substr(tag, 8, 64) AND deleted_at IS NULL)
    """,
    "a manifest that is wrongly marked as loose, or not": f"""
        SELECT digest FROM manifests AS m
        WHERE (loose_at IS NOT NULL) <> (deleted_at IS NULL AND NOT {KEPT})
    """,
    "a link that is wrongly marked as loose, or not": """
        SELECT digest FROM links WHERE (loose_at IS NULL) <> EXISTS (SELECT 1 FROM edges
            WHERE edges.repository_id = links.repository_id AND edges.child = links.digest)
    """,
    "a blob that is wrongly marked as in no repository, or not": """
        SELECT digest FROM blobs WHERE (unlinked_at IS NULL) <> EXISTS (SELECT 1 FROM links
            WHERE links.digest = blobs.digest)
    """,
    "a document without all of its pieces": """
        SELECT digest FROM manifests AS m JOIN documents ON documents.id = m.id
        WHERE length(documents.body) = 0 AND size <> (SELECT coalesce(sum(length(body)), 0)
            FROM document_pieces WHERE document_pieces.id = m.id)
    """,
    "edges of no manifest": """
        SELECT parent FROM edges WHERE NOT EXISTS (SELECT 1 FROM manifests AS m
            WHERE m.repository_id = edges.repository_id AND m.digest = edges.parent)
    """,
}
# PostgreSQL sees to the first by itself, and has no short word for the second.
_CONTRADICTIONS_OF_SQLITE = {
    "a broken reference": "SELECT * FROM pragma_foreign_key_check",
    "a damaged database": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
}


async def view(people: Place) -> View:
    """All that clients can see, each thing pulled and verified."""
    seen: dict[str, str] = {}
    for name in await people.metadata.repositories.page(after="", limit=100):
        repository = RepositoryName(name)
        tags = await people.metadata.tags.page(repository, after="", limit=100)
        references: list[Reference] = [Tag(tag) for tag in tags]
        references += [
            digest for digest, _ in await people.metadata.manifests.with_children(repository)
        ]
        for reference in references:
            manifest = await people.metadata.manifests.find(repository, reference)
            if manifest is not None:
                mark = "@" if isinstance(reference, Digest) else ":"
                seen[f"{name}{mark}{reference}"] = Digest.of(manifest.body)
    for name, digest in rows(people, _LINKS):
        with suppress(BlobUnknown):
            blob = await pull_blob(
                people.registry, people.may(RepositoryName(name)), Digest(digest)
            )
            seen[f"{name} {digest}"] = Digest.of(read(blob.source))
    return seen


def assert_consistent(people: Place) -> None:
    """What is known agrees with itself, and with the bytes that are there."""
    assert_rows_agree(people)
    for digest, size in rows(people, "SELECT digest, size FROM blobs WHERE lost_at IS NULL"):
        assert _size(people.root, Digest(digest)) == size, "a row without its bytes"


def assert_rows_agree(people: Place) -> None:
    """What is known agrees with itself."""
    of_sqlite = {} if people.url else _CONTRADICTIONS_OF_SQLITE
    for what, query in (_CONTRADICTIONS | of_sqlite).items():
        assert not list(rows(people, query)), what


def _size(root: Path, digest: Digest) -> int:
    data = root / BLOBS / digest.algorithm / digest.hex[:2] / digest.hex / "data"
    return data.stat().st_size if data.exists() else -1


def left_over(people: Place) -> list[str]:
    """What nothing needs, and somebody has to clear away."""
    return sorted({*_files_left(people), *rows_left(people)})


def _files_left(people: Place) -> Iterator[str]:
    known = {digest for (digest,) in rows(people, "SELECT digest FROM blobs")}
    known |= _linked(people.root)
    for directory in (people.root / BLOBS).glob("*/*/*"):
        digest = f"{directory.parent.parent.name}:{directory.name}"
        if digest not in known:
            empty = not (directory / "data").exists()
            yield "an empty directory" if empty else "bytes without a row"
    for path in (people.root / "lading/uploads").glob("*/*"):
        suffix = path.name.partition(".")[2]
        yield "a commit's mark" if suffix else "an upload's file"


def _linked(root: Path) -> set[str]:
    """The manifests whose bytes are kept for Distribution, as there are links to them."""
    note = distribution.find_note(Layout(root))
    if note is None or not note.keeps_links:
        return set()
    folders = (root / "docker/registry/v2/repositories").glob("**/revisions/*/*")
    return {f"{folder.parent.name}:{folder.name}" for folder in folders}


def rows_left(people: Place) -> Iterator[str]:
    """Rows that nothing needs, and somebody has to clear away."""
    for what, query in {
        "a note of a deletion": "SELECT 1 FROM deletions",
        "a manifest without a document": "SELECT 1 FROM manifests WHERE NOT EXISTS"
        " (SELECT 1 FROM documents WHERE documents.id = manifests.id)",
        "a blob in no repository": "SELECT 1 FROM blobs WHERE unlinked_at IS NOT NULL",
        "a lease": "SELECT 1 FROM jobs WHERE holder IS NOT NULL",
    }.items():
        if list(rows(people, query)):
            yield what


def rows(people: Place, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    if people.url:
        with psycopg.connect(people.url) as connection:
            return connection.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(metadata_path(people.root))) as connection:
        return connection.execute(query).fetchall()

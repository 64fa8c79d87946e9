"""Rows that clients would bring about, made in few words."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from lading.core.digest import Digest
from lading.core.history import Change
from lading.core.manifest import Manifest
from lading.core.names import Reference, RepositoryName, Tag
from lading.databases.sqlite.file import FileDatabase
from lading.metadata.metadata import Metadata
from lading.metadata.pushes import ManifestPush
from tests.support.contents import HELLO, new_upload


def open_metadata(path: Path) -> Metadata:
    """Open the database in a file, as a worker does."""
    return Metadata(FileDatabase(path), read_only_hint=path.with_name(f"{path.name}.read-only"))


def empty_log(connection: sqlite3.Connection) -> None:
    """Copy the whole log into the database, and cut it off, as soon as nobody else copies."""
    deadline = time.monotonic() + 60
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # busy
        assert time.monotonic() < deadline
        time.sleep(0.005)


def by_alice(at: float = 0) -> Change:
    """Return a change that Alice makes."""
    return Change("alice", at)


async def add(
    metadata: Metadata, *contents: bytes, to: RepositoryName = HELLO, at: float = 0
) -> list[Digest]:
    """Add blobs to a repository, as after their upload; return their digests."""
    digests = [Digest.of(content) for content in contents]
    for digest, content in zip(digests, contents, strict=True):
        await metadata.links.add(
            to, digest, len(content), upload=new_upload(to), change=by_alice(at)
        )
    return digests


async def push(
    metadata: Metadata,
    manifest: Manifest,
    *tags: str,
    to: RepositoryName = HELLO,
    children_required: bool = True,
    sizes_required: bool = False,
    at: float = 0,
) -> Digest:
    """Push a manifest whose contents are there; return its digest."""
    await metadata.manifests.push(
        ManifestPush(
            repository=to,
            manifest=manifest,
            tags=[Tag(tag) for tag in tags],
            children_required=children_required,
            sizes_required=sizes_required,
            change=by_alice(at),
        )
    )
    return manifest.digest


async def digest_of(
    metadata: Metadata, reference: str, *, of: RepositoryName = HELLO
) -> Digest | None:
    """Return the digest of what a tag or a digest leads to."""
    known: Reference = Digest(reference) if ":" in reference else Tag(reference)
    found = await metadata.manifests.find(of, known)
    return None if found is None else found.digest


async def delete(
    metadata: Metadata, reference: str, *, of: RepositoryName = HELLO, at: float = 0
) -> bool:
    """Delete a tag, or a manifest by its digest."""
    if ":" in reference:
        return await metadata.manifests.delete(
            of, Digest(reference), immutable=(), change=by_alice(at)
        )
    return await metadata.tags.delete(of, Tag(reference), immutable=(), change=by_alice(at))


async def tags_of(metadata: Metadata, repository: RepositoryName = HELLO) -> Sequence[str]:
    """Return all tags of a repository."""
    return await metadata.tags.page(repository, after="", limit=1000)

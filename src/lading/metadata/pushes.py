"""Pushes: a manifest stored with its references, in one transaction, or in several short ones.

One that refers to much, or is large itself, gets its edges first, some in a transaction, then its
body, a piece in each. What the edges lead to is kept from then on. Until the last transaction the
manifest has no document, and counts as deleted: nobody sees it, and if the last one never comes the
collector removes it as it removes what was deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec
from msgspec import Struct

from lading.core.digest import Digest
from lading.core.errors import AlreadyExists, ManifestBlobUnknown, SizeMismatch, Unavailable
from lading.core.expected import Expected, require_expected
from lading.core.history import Change
from lading.core.immutability import ImmutableTags
from lading.core.manifest import Edge, EdgeKind, Manifest, WrongSize
from lading.core.names import Reference, RepositoryName, Tag
from lading.metadata import (
    batches,
    documents,
    linked_blobs,
    manifest_deletion,
    manifest_rows,
    references,
    repositories,
    tags,
)
from lading.ports.database import SqlConnection, Work

# What a manifest may refer to without a look beforehand whether all of it is there: a look takes a
# hop to a thread, and a transaction in which something is missing is over as soon.
FEW_EDGES = 100
# Of what is missing, as much is listed as somebody may read.
MAX_LISTED = 100

# One that was deleted, or damaged, is brought back; a tag uses it at once.
_STORE = """
    INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject, size,
        pushed_at, promised_at, used_at)
    VALUES (:repository, :digest, :media_type, :artifact_type, :subject, :size, :at, :at, :used_at)
    ON CONFLICT (repository_id, digest) DO UPDATE SET
        media_type = excluded.media_type, artifact_type = excluded.artifact_type,
        pushed_at = excluded.pushed_at, promised_at = excluded.promised_at,
        used_at = excluded.used_at, loose_at = NULL,
        deleted_at = NULL, deleted_by = '', lost_at = NULL
"""


class ManifestPush(Struct, frozen=True, kw_only=True):
    """A push of a manifest into a repository; it goes into the database by `Manifests.push`.

    Attributes:
        absent: what must not be there before.
        expected: what references must lead to before.
        immutable: the tags that, if they are set, cannot be moved to another manifest.
        children_required: whether the manifests it lists must be present, as its blobs must.
        sizes_required: whether what is present must have the sizes that the manifest says.
    """

    repository: RepositoryName
    manifest: Manifest
    tags: Sequence[Tag] = ()
    absent: Sequence[Reference] = ()
    expected: Mapping[Reference, Expected] = msgspec.field(default_factory=dict)
    immutable: Sequence[ImmutableTags] = ()
    children_required: bool = True
    sizes_required: bool = False
    change: Change

    @property
    def is_long(self) -> bool:
        """Whether the manifest is to be prepared, in pieces, before it is stored."""
        manifest = self.manifest
        return len(manifest.edges) > batches.MOST_ROWS or documents.is_large(len(manifest.body))

    @property
    def is_heavy(self) -> bool:
        """Whether to store it takes so long that no other push should share its transaction."""
        return len(self.manifest.edges) > FEW_EDGES

    def require_acceptable(self, connection: SqlConnection) -> None:
        """Refuse at once what would be refused later; a read, which holds up no other push.

        Raises:
            AlreadyExists, NotAsExpected, TagImmutable, ManifestBlobUnknown, SizeMismatch: see
                `Manifests.push`.
        """
        self._require_movable(connection)
        repository_id = repositories.find(connection, self.repository)
        sizes: dict[str, int] = {}
        for edges in batches.pieces(self.manifest.edges):
            sizes |= _sizes(connection, repository_id, edges)
        self._check(self.manifest.edges, sizes)

    def preparations(self) -> Iterator[Work[Sequence[WrongSize]]]:
        """What comes before it is stored, each in a transaction of its own; see the module.

        Each says what has another size than the manifest says.

        Raises:
            ManifestBlobUnknown, SizeMismatch: see `Manifests.push`.
        """
        if not self.is_long:
            return
        for edges in references.edge_pieces(self.manifest.edges):
            yield partial(self.prepare, edges=edges)
        for start in documents.starts(len(self.manifest.body)):
            yield partial(self.prepare_body, start=start)

    def prepare(self, connection: SqlConnection, edges: Sequence[Edge]) -> Sequence[WrongSize]:
        """Keep some of what the manifest refers to."""
        repository_id, _ = self._begin(connection)
        return self._keep(connection, repository_id, edges)

    def prepare_body(self, connection: SqlConnection, start: int) -> Sequence[WrongSize]:
        """Write a piece of its body."""
        _, id_ = self._begin(connection)
        documents.add_piece(connection, id_, self.manifest.body, start)
        return ()

    def store(self, connection: SqlConnection) -> tuple[Sequence[WrongSize], str | None]:
        """Store the manifest, and point tags at it.

        Returns:
            What has another size than the manifest says, and a referrer after which there may be
            more of them to be kept; `None` if all are.

        Raises:
            AlreadyExists, NotAsExpected, TagImmutable, ManifestBlobUnknown, SizeMismatch,
                Unavailable, ReadOnly: see `Manifests.push`.
        """
        digest, at = self.manifest.digest, self.change.at
        repository_id = repositories.ensure_if_writable(connection, self.repository)
        self._require_movable(connection)
        wrong: Sequence[WrongSize] = ()
        if self.is_long:
            self._require_prepared(connection, repository_id)
        else:
            wrong = self._keep(connection, repository_id, self.manifest.edges)
        times = {"at": at, "used_at": at if self.tags else None}
        connection.execute(_STORE, documents.row_of(repository_id, self.manifest) | times)
        documents.store(connection, repository_id, self.manifest)
        repositories.mark_pushed(connection, repository_id, at)
        after = references.unmark_referrers(connection, repository_id, digest)
        references.unmark_orphans(connection, repository_id, digest)
        for tag in self.tags:
            tags.point(connection, repository_id, tag, digest, self.change)
        if not self.tags:
            self._note_untagged(connection, repository_id)
        return wrong, after

    def keep_referrers(self, connection: SqlConnection, after: str) -> str | None:
        """Go on where `store` ended; where to go on after that."""
        repository_id = repositories.ensure(connection, self.repository)
        return references.unmark_referrers(connection, repository_id, self.manifest.digest, after)

    def _begin(self, connection: SqlConnection) -> tuple[int, int]:
        """Have a row for it, if there is none; the ids of the repository and of the row."""
        repository_id = repositories.ensure(connection, self.repository)
        at, actor = self.change.at, self.change.actor
        return repository_id, documents.begin(
            connection, repository_id, self.manifest, pushed_at=at, now=at, actor=actor
        )

    def _require_movable(self, connection: SqlConnection) -> None:
        """Go on only if references lead to what they may lead to before."""
        for reference in self.absent:
            there = manifest_rows.find(connection, self.repository, reference)
            if there is not None:
                raise AlreadyExists(
                    f"{reference} exists already, and this push was to create it"
                    " (If-None-Match: *)",
                    {"reference": reference, "digest": there.digest},
                )
        for reference, expected in self.expected.items():
            there = manifest_rows.find(connection, self.repository, reference)
            require_expected(expected, reference, None if there is None else there.digest)
        digest = self.manifest.digest
        tags.check_movable(connection, self.repository, self.tags, digest, self.immutable)
        if self.immutable:
            manifest_deletion.require_type(
                connection, self.repository, self.manifest, self.immutable
            )

    def _keep(
        self, connection: SqlConnection, repository_id: int, edges: Sequence[Edge]
    ) -> Sequence[WrongSize]:
        """Check that what edges lead to is here, mark it as used, and note the edges."""
        sizes = _sizes(connection, repository_id, edges, used_at=self.change.at)
        wrong = self._check(edges, sizes)
        references.add_edges(connection, repository_id, self.manifest.digest, edges)
        return wrong

    def _check(self, edges: Sequence[Edge], sizes: Mapping[str, int]) -> Sequence[WrongSize]:
        """Go on only if what is needed is here, by the sizes of all that is."""
        missing: list[Digest] = []
        wrong: list[WrongSize] = []
        for edge in edges:
            size = sizes.get(edge.child)
            if size is None:
                if edge.required and (self.children_required or edge.kind is not EdgeKind.MANIFEST):
                    missing.append(edge.child)
            elif size != edge.size:
                wrong.append(WrongSize(edge, size))
        if missing:
            raise _unknown(missing)
        if wrong and self.sizes_required:
            first = wrong[0]
            raise SizeMismatch(str(first), {"digest": first.edge.child, "size": first.size})
        return wrong

    def _require_prepared(self, connection: SqlConnection, repository_id: int) -> None:
        """Go on only if all edges and all of the body are here that were prepared."""
        manifest = self.manifest
        has_body = not documents.is_large(len(manifest.body)) or documents.has_pieces(
            connection, repository_id, manifest
        )
        (count,) = connection.execute(
            "SELECT count(*) FROM edges WHERE repository_id = ? AND parent = ?",
            (repository_id, manifest.digest),
        ).fetchone()
        if not has_body or count < len({edge.child for edge in manifest.edges}):
            raise Unavailable("a collection came between; push the manifest again")

    def _note_untagged(self, connection: SqlConnection, repository_id: int) -> None:
        digest, at = self.manifest.digest, self.change.at
        if documents.find(connection, repository_id, self.manifest.subject) is not None:
            references.manifest_sizes(connection, repository_id, [digest], used_at=at)
        else:
            references.mark_unreferenced(connection, repository_id, digest, at)


def _sizes(
    connection: SqlConnection,
    repository_id: int | None,
    edges: Sequence[Edge],
    *,
    used_at: float | None = None,
) -> dict[str, int]:
    """The sizes of what edges lead to and is here; see `references.sizes`."""
    children = {edge.child for edge in edges if edge.kind is EdgeKind.MANIFEST}
    found: dict[str, int] = {}
    if children:
        found = references.manifest_sizes(connection, repository_id, children, used_at=used_at)
    # Children of an index can be blobs too: BuildKit's cache is an index of layers.
    others = [edge.child for edge in edges if edge.child not in found]
    if others:
        found |= linked_blobs.sizes(connection, repository_id, others, used_at=used_at)
    return found


def _unknown(missing: Sequence[Digest]) -> ManifestBlobUnknown:
    listed = missing[:MAX_LISTED]
    message = ""
    if len(missing) > len(listed):
        message = (
            f"{len(missing)} blobs and manifests are unknown to the registry, of which the first"
            f" {len(listed)} are listed"
        )
    return ManifestBlobUnknown(message, *({"digest": digest} for digest in listed))

"""Adoption of one repository: its blobs, then its manifests, then its tags with their history.

Whatever is wrong on the disk gets a line that says what was done. What is taken over is what the
other registry would have served; of what it could not serve, as much as leaves no doubt.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from lading.core.adoption import (
    DISTRIBUTION,
    DISTRIBUTION_AT_THE_LATEST,
    AdoptedBlob,
    AdoptedManifest,
    AdoptedMove,
    AdoptionTally,
    FoundLink,
    FoundTag,
)
from lading.core.damage import Finding, Kind
from lading.core.digest import Digest
from lading.core.errors import DigestInvalid, RegistryError, TagInvalid, Unavailable
from lading.core.manifest import (
    DEFAULT_MAX_SIZE,
    Manifest,
    WrongSize,
    is_schema_1,
    parse,
)
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches
from lading.metadata.adoptions import AdoptedTag
from lading.ports.volumes import ForeignVolume
from lading.services import damage
from lading.services.registry import Registry

# Rows that a manifest, a tag and a blob are, beside edges and moves.
_ROWS_OF_MANIFEST, _ROWS_OF_TAG, _ROWS_OF_BLOB = 3, 2, 2
# Bytes of manifests that are stored in one transaction.
_MOST_BYTES = 1024 * 1024
# Moves of a tag that are taken over, the last ones.
MOST_MOVES = 400
_PUSH_AGAIN = "push the image again, from where it was built or pulled"
_SCHEMA_1 = (
    "it is an image of schema 1, retired in 2017, which nobody can verify and this registry does"
    " not serve"
)


@dataclass(slots=True)
class Taking:
    """What all repositories of an adoption have in common.

    Attributes:
        repair: whether tags are taken over that lead to manifests without a link.
        times_are_known: see `VolumeSurvey`.
        checked: blobs of which somebody said another size, and whether their bytes are right.
    """

    registry: Registry
    volume: ForeignVolume
    tally: AdoptionTally
    repair: bool
    times_are_known: bool
    checked: dict[Digest, bool] = field(default_factory=dict)


class RepositoryAdoption:
    """The adoption of one repository.

    Attributes:
        is_whole: whether nothing of it was left behind that something else refers to.
    """

    def __init__(self, taking: Taking, name: RepositoryName) -> None:
        self._taking = taking
        self._registry = taking.registry
        self._rows = taking.registry.metadata.adoptions
        self._volume = taking.volume
        self._name = name
        self._refused: dict[str, str] = {}
        self.is_whole = True

    async def run(self) -> AsyncIterator[Finding]:
        """Take it over; all that is wrong with it."""
        async for layers in self._volume.layers(self._name):
            async for finding in self._take_layers(layers):
                yield finding
        async for revisions in self._volume.revisions(self._name):
            async for finding in self._take_revisions(revisions):
                yield finding
        while await self._rows.keep_referrers(self._name):
            pass
        async for tags in self._volume.tags(self._name):
            async for finding in self._take_tags(tags):
                yield finding
        if count := await self._volume.count_uploads(self._name):
            yield self._finding(
                Kind.UPLOADS_LEFT,
                "",
                f"{count} uploads are unfinished",
                "they were left; their clients begin anew",
            )

    async def _take_layers(self, links: Sequence[FoundLink]) -> AsyncIterator[Finding]:
        found: list[Digest] = []
        for link in links:
            digest = _digest(link.name)
            if digest is None:
                yield self._finding(
                    Kind.LINK_WRONG, link.name, "this is no digest", "it was left out"
                )
            elif link.text is not None:
                found.append(digest)
                if link.text != digest:
                    yield self._finding(
                        Kind.LINK_WRONG,
                        digest,
                        f"the link to this blob is {_said(link)}",
                        "its folder says which it is, so it was taken over",
                    )
        for page in _pages(found, batches.MOST_ROWS // _ROWS_OF_BLOB):
            for digest in await self._add_blobs(page):
                yield self._finding(
                    Kind.LINK_DANGLING,
                    digest,
                    "there is a link to this blob, and its bytes are gone",
                    "the link was left out",
                )

    async def _add_blobs(self, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Take over blobs, each under its lock; those that are not there."""
        missing: list[Digest] = []
        async with self._registry.locks.lock_free(digests) as free:
            missing += await self._add_locked(free)
        for digest in set(digests).difference(free):
            async with self._registry.locks.lock(digest):
                missing += await self._add_locked([digest])
        return missing

    async def _add_locked(self, digests: Sequence[Digest]) -> Sequence[Digest]:
        there = await stored_blobs(self._registry, digests)
        if there:
            await self._rows.add_blobs(self._name, there, now=self._registry.clock())
        return sorted(set(digests).difference(blob.digest for blob in there))

    async def _take_revisions(self, links: Sequence[FoundLink]) -> AsyncIterator[Finding]:
        seen = await self._rows.seen_manifests(self._name, [link.name for link in links])
        waiting: list[AdoptedManifest] = []
        rows = size = 0
        for link in links:
            if link.name in seen:
                continue
            adopted, finding = await self._read(link)
            if finding is not None:
                yield finding
            if adopted is None:
                continue
            waiting.append(adopted)
            rows += _ROWS_OF_MANIFEST + len(adopted.manifest.edges)
            size += len(adopted.manifest.body)
            if rows > batches.MOST_ROWS or size > _MOST_BYTES:
                async for finding in self._add_manifests(waiting):
                    yield finding
                waiting, rows, size = [], 0, 0
        async for finding in self._add_manifests(waiting):
            yield finding

    async def _read(self, link: FoundLink) -> tuple[AdoptedManifest | None, Finding | None]:
        """The manifest that a link leads to, if it can be served; what is wrong with it."""
        digest = _digest(link.name)
        if digest is None:
            self.is_whole = False
            return None, self._finding(
                Kind.LINK_WRONG, link.name, "this is no digest", "it was left out"
            )
        if link.text is None:
            return None, self._finding(
                Kind.LINK_MISSING,
                digest,
                "there is a folder of this manifest without a link: it was deleted there",
                "it was left out",
            )
        manifest, finding = await self._manifest(digest)
        if manifest is None:
            return None, finding
        if link.text != digest:
            finding = self._finding(
                Kind.LINK_WRONG,
                digest,
                f"the link to this manifest is {_said(link)}",
                "its folder says which it is, so it was taken over",
            )
        return AdoptedManifest(manifest, link.at), finding

    async def _manifest(self, digest: Digest) -> tuple[Manifest | None, Finding | None]:
        """A manifest by its digest, if its bytes are there and right and can be served."""
        body = await read_manifest(self._registry, digest)
        if body is None or not digest.names(body):
            return None, await self._refuse_bytes(digest)
        if is_schema_1(body):
            return None, self._refuse(Kind.SCHEMA_1, digest, _SCHEMA_1)
        try:
            return parse(body, "", digest.algorithm), None
        except RegistryError as error:
            return None, self._refuse(Kind.MANIFEST_REFUSED, digest, error.message)

    async def _refuse_bytes(self, digest: Digest) -> Finding:
        stat = await self._registry.blobs.stat(digest)
        if stat is None:
            return self._refuse(Kind.BYTES_MISSING, digest, "the bytes of this manifest are gone")
        return self._refuse(
            Kind.MANIFEST_WRONG,
            digest,
            f"the {stat.size} bytes of this manifest have another digest, so they are damaged",
        )

    def _refuse(self, kind: Kind, digest: Digest, why: str) -> Finding:
        self._refused[digest] = why
        if kind is not Kind.BYTES_MISSING:
            self.is_whole = False
        return self._finding(
            kind, digest, why, "it was left out, with whatever bytes it has", _PUSH_AGAIN
        )

    async def _add_manifests(self, adopted: Sequence[AdoptedManifest]) -> AsyncIterator[Finding]:
        if not adopted:
            return
        now = self._registry.clock()
        wrong = [*await self._rows.add_manifests(self._name, adopted, now=now)]
        for each in adopted:
            for edges in [*batches.pieces(each.manifest.edges)][1:]:
                wrong += await self._rows.add_edges(self._name, each, edges, now=now)
        self._taking.tally.manifests += len(adopted)
        for size in wrong:
            yield await self._judge(size)

    async def _judge(self, wrong: WrongSize) -> Finding:
        """Find out who is wrong about a size, the manifest or the disk."""
        digest = wrong.edge.child
        known = self._taking.checked.get(digest)
        if known is None:
            known = await self._registry.blobs.hash(digest, damage.ignore) == digest
            self._taking.checked[digest] = known
        if known:
            return self._finding(
                Kind.SIZE_WRONG, digest, f"{wrong}; its digest is right", "it was taken over"
            )
        await self._registry.metadata.inspection.lose_blob(digest, now=self._registry.clock())
        return self._finding(
            Kind.BYTES_WRONG,
            digest,
            f"{wrong}, and another digest",
            "clients are told that it is not there, so that they push it again",
            _PUSH_AGAIN,
        )

    async def _take_tags(self, tags: Sequence[FoundTag]) -> AsyncIterator[Finding]:
        seen = await self._rows.seen_tags(self._name, [tag.name for tag in tags])
        new = [tag for tag in tags if seen.get(tag.name) != (tag.current.text, tag.current.at)]
        there = await self._manifests_of(new)
        waiting: list[AdoptedTag] = []
        rows = 0
        for tag in new:
            adopted, findings = await self._choose(tag, there)
            for finding in findings:
                yield finding
            if adopted is None:
                continue
            waiting.append(adopted)
            rows += _ROWS_OF_TAG + len(adopted.moves)
            if rows > batches.MOST_ROWS:
                async for finding in self._add_tags(waiting):
                    yield finding
                waiting, rows = [], 0
        async for finding in self._add_tags(waiting):
            yield finding

    async def _manifests_of(self, tags: Sequence[FoundTag]) -> frozenset[str]:
        """Those of all that tags point to or ever pointed to that are in the repository."""
        names = {link.name for tag in tags for link in tag.index}
        names |= {tag.current.text or "" for tag in tags}
        there: frozenset[str] = frozenset()
        for page in batches.pieces(sorted(names)):
            there |= await self._rows.find_manifests(self._name, page)
        return there

    async def _choose(
        self, tag: FoundTag, there: frozenset[str]
    ) -> tuple[AdoptedTag | None, Sequence[Finding]]:
        """The tag as it is taken over, if it can be; what is wrong with it."""
        subject = f"{self._name}:{tag.name}"
        try:
            name = Tag(tag.name)
        except TagInvalid as error:
            return None, [Finding(Kind.NAME_REFUSED, subject, error.message, mended="left out")]
        index = [
            (digest, link.at)
            for link in tag.index
            if link.text is not None and (digest := _digest(link.name))
        ]
        digest, findings = await self._target(subject, tag, there)
        if digest is None:
            return None, findings
        at = tag.current.at or max((at for _, at in index), default=0)
        moves = [
            AdoptedMove(old, moved_at)
            for old, moved_at in sorted(index, key=lambda move: move[1])
            if old != digest and moved_at <= at
        ]
        findings += _of_history(subject, moves, there)
        moves = [*moves[-(MOST_MOVES - 1) :], AdoptedMove(digest, at)]
        return AdoptedTag(name, moves, at), findings

    async def _target(
        self, subject: str, tag: FoundTag, there: frozenset[str]
    ) -> tuple[Digest | None, list[Finding]]:
        """What a tag points to; by its index, if a crash has damaged the link itself."""
        digest = _digest(tag.current.text or "")
        if digest is None:
            return self._recover(subject, tag, there)
        if digest in there:
            return digest, []
        if self._taking.repair and digest not in self._refused and await self._link(digest):
            return digest, [
                Finding(
                    Kind.LINK_MISSING,
                    subject,
                    f"there is no link to {digest}, though its bytes are there",
                    mended="it is in the repository now",
                )
            ]
        why = self._refused.get(digest, "which is not in the repository")
        return None, [
            Finding(
                Kind.TAG_REFUSED,
                subject,
                f"the tag leads to {digest}: {why}",
                f"{_PUSH_AGAIN}; if its bytes are there, `lading adopt --repair` links them",
                "the tag was left out",
            )
        ]

    def _recover(
        self, subject: str, tag: FoundTag, there: frozenset[str]
    ) -> tuple[Digest | None, list[Finding]]:
        index = (link for link in tag.index if link.text is not None and link.name in there)
        newest = max(index, key=_at, default=None)
        explanation = f"the link of the tag is {_said(tag.current)}"
        if newest is None:
            return None, [
                Finding(
                    Kind.LINK_WRONG,
                    subject,
                    f"{explanation}, and nothing that it ever pointed to is there",
                    _PUSH_AGAIN,
                    "the tag was left out",
                )
            ]
        mended = f"it points to {newest.name}, what was written last into its index"
        return Digest(newest.name), [Finding(Kind.LINK_WRONG, subject, explanation, "", mended)]

    async def _link(self, digest: Digest) -> bool:
        """Put a manifest into the repository that has no link; whether its bytes are there."""
        manifest, _ = await self._manifest(digest)
        if manifest is None:
            return False
        now = self._registry.clock()
        async for _ in self._add_manifests([AdoptedManifest(manifest, now, is_linked=False)]):
            pass
        return True

    async def _add_tags(self, adopted: Sequence[AdoptedTag]) -> AsyncIterator[Finding]:
        if not adopted:
            return
        known = self._taking.times_are_known
        actor = DISTRIBUTION if known else DISTRIBUTION_AT_THE_LATEST
        added = await self._rows.add_tags(
            self._name, adopted, actor=actor, now=self._registry.clock()
        )
        self._taking.tally.tags += len(added.new)
        self._taking.tally.moves += added.moves
        for tag in added.newer:
            yield Finding(
                Kind.TAG_NEWER_HERE,
                f"{self._name}:{tag}",
                "the tag was moved in both registries since it was taken over, here later",
                mended="it was left as it is here",
            )

    def _finding(
        self, kind: Kind, what: str, explanation: str, mended: str, advice: str = ""
    ) -> Finding:
        subject = f"{self._name}@{what}" if what else self._name
        return Finding(kind, subject, explanation, advice, mended)


def _of_history(
    subject: str, moves: Sequence[AdoptedMove], there: frozenset[str]
) -> Iterator[Finding]:
    if gone := sum(move.digest not in there for move in moves):
        yield Finding(
            Kind.HISTORY_GONE,
            subject,
            f"{gone} of the images that the tag pointed to before are gone",
            mended="they are in its history, and cannot be restored",
        )
    if len(moves) >= MOST_MOVES:
        yield Finding(
            Kind.HISTORY_CUT,
            subject,
            f"the tag was moved {len(moves)} times",
            mended=f"the last {MOST_MOVES} of them are in its history",
        )


async def stored_blobs(registry: Registry, digests: Sequence[Digest]) -> Sequence[AdoptedBlob]:
    """Those of the blobs whose bytes are there."""
    found = [(digest, await registry.blobs.stat(digest)) for digest in digests]
    return [AdoptedBlob(digest, stat.size, stat.since) for digest, stat in found if stat]


async def read_manifest(registry: Registry, digest: Digest) -> bytes | None:
    """The bytes of a manifest that is stored as a blob; `None` if they are not there.

    Of what is larger than a manifest may be, no more is read than shows that.
    """
    source = await registry.blobs.find(digest)
    if source is None:
        return None
    try:
        with source.open() as opened:
            return bytes(await opened.read(0, min(source.size, DEFAULT_MAX_SIZE + 1)))
    except (OSError, Unavailable):
        return None


def _digest(text: str) -> Digest | None:
    try:
        return Digest(text)
    except DigestInvalid:
        return None


def _said(link: FoundLink) -> str:
    """The state of a link that says nothing useful."""
    if link.text is None:
        return "missing"
    return f"damaged (it says {link.text[:80]!r})" if link.text else "empty"


def _at(link: FoundLink) -> float:
    return link.at


def _pages(digests: Sequence[Digest], most: int) -> Iterator[Sequence[Digest]]:
    return (digests[start : start + most] for start in range(0, len(digests), most))

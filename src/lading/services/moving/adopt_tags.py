"""Adoption of a repository's tags, with their history."""

from collections.abc import AsyncIterator, Iterator, Sequence

from lading.core.damage import Finding, Kind
from lading.core.digest import Digest, digest_in
from lading.core.errors import TagInvalid
from lading.core.moving import (
    DISTRIBUTION,
    DISTRIBUTION_AT_THE_LATEST,
    AdoptedMove,
    FoundTag,
)
from lading.core.names import RepositoryName, Tag
from lading.metadata import batches
from lading.metadata.moving.adopted_tags import AdoptedTag
from lading.services.moving.adopt_manifests import ManifestAdoption
from lading.services.moving.taking import PUSH_AGAIN, Adoption, said_by

# Rows that a tag is, beside its moves.
_ROWS = 2
_LEFT_OUT = "the tag was left out"
# Moves of a tag that are taken over, the last ones.
MOST_MOVES = 400


class TagAdoption:
    """The adoption of the tags of one repository, whose manifests were taken over before."""

    def __init__(
        self, adoption: Adoption, name: RepositoryName, manifests: ManifestAdoption
    ) -> None:
        self._adoption = adoption
        self._registry = adoption.registry
        self._rows = adoption.registry.metadata.adoptions
        self._name = name
        self._manifests = manifests

    async def take(self, tags: Sequence[FoundTag]) -> AsyncIterator[Finding]:
        """Take over some tags; all that is wrong with them."""
        seen = await self._rows.seen_tags(self._name, [tag.name for tag in tags])
        new = [tag for tag in tags if seen.get(tag.name) != (tag.current.text, tag.current.at)]
        there = await self._manifests_of(new)
        chosen: list[AdoptedTag] = []
        for tag in new:
            adopted, findings = await self._choose(tag, there)
            for finding in findings:
                yield finding
            if adopted is not None:
                chosen.append(adopted)
        for some in batches.groups(chosen, _rows_of, most_size=batches.MOST_ROWS):
            async for finding in self._add_tags(some):
                yield finding

    async def _manifests_of(self, tags: Sequence[FoundTag]) -> frozenset[str]:
        """The manifests in the repository to which tags point, or ever pointed."""
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
            if link.text is not None and (digest := digest_in(link.name))
        ]
        digest, wrong = await self._target(subject, tag, there)
        findings = [] if wrong is None else [wrong]
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
    ) -> tuple[Digest | None, Finding | None]:
        """The digest that a tag points to; by its index, if a crash has damaged the link itself."""
        digest = digest_in(tag.current.text or "")
        if digest is None:
            return self._recover(subject, tag, there)
        if digest in there:
            return digest, None
        if (
            self._adoption.repair
            and digest not in self._manifests.refused
            and await self._manifests.link(digest)
        ):
            explanation = f"there is no link to {digest}, though its bytes are there"
            mended = "it is in the repository now"
            return digest, Finding(Kind.LINK_MISSING, subject, explanation, mended=mended)
        why = self._manifests.refused.get(digest, "which is not in the repository")
        explanation = f"the tag leads to {digest}: {why}"
        advice = f"{PUSH_AGAIN}; if its bytes are there, `lading adopt --repair` links them"
        return None, Finding(Kind.TAG_REFUSED, subject, explanation, advice, _LEFT_OUT)

    def _recover(
        self, subject: str, tag: FoundTag, there: frozenset[str]
    ) -> tuple[Digest | None, Finding | None]:
        index = [link for link in tag.index if link.text is not None and link.name in there]
        newest = max(index, key=lambda link: link.at, default=None)
        explanation = f"the link of the tag is {said_by(tag.current)}"
        if newest is None or [link.at for link in index].count(newest.at) > 1:
            why = (
                "nothing that it ever pointed to is there"
                if newest is None
                else "of all that it pointed to the times are the same"
            )
            explanation = f"{explanation}, and {why}"
            return None, Finding(Kind.LINK_WRONG, subject, explanation, PUSH_AGAIN, _LEFT_OUT)
        mended = f"it points to {newest.name}, what was written last into its index"
        return Digest(newest.name), Finding(Kind.LINK_WRONG, subject, explanation, "", mended)

    async def _add_tags(self, adopted: Sequence[AdoptedTag]) -> AsyncIterator[Finding]:
        known = self._adoption.times_are_known
        actor = DISTRIBUTION if known else DISTRIBUTION_AT_THE_LATEST
        added = await self._rows.add_tags(
            self._name, adopted, actor=actor, now=self._registry.clock()
        )
        self._adoption.tally.tags += len(added.new)
        self._adoption.tally.moves += added.moves
        explanation = "the tag was moved in both registries since it was taken over, here later"
        mended = "it was left as it is here"
        for tag in added.newer:
            subject = f"{self._name}:{tag}"
            yield Finding(Kind.TAG_NEWER_HERE, subject, explanation, mended=mended)


def _rows_of(adopted: AdoptedTag) -> int:
    return _ROWS + len(adopted.moves)


def _of_history(
    subject: str, moves: Sequence[AdoptedMove], there: frozenset[str]
) -> Iterator[Finding]:
    if gone := sum(move.digest not in there for move in moves):
        explanation = f"{gone} of the images that the tag pointed to before are gone"
        mended = "they are in its history, and cannot be restored"
        yield Finding(Kind.HISTORY_GONE, subject, explanation, mended=mended)
    if len(moves) >= MOST_MOVES:
        explanation = f"the tag was moved {len(moves)} times"
        mended = f"the last {MOST_MOVES} of them are in its history"
        yield Finding(Kind.HISTORY_CUT, subject, explanation, mended=mended)

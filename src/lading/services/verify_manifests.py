"""Verification of manifests: whether each is what was pushed, and what it needs is there."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from lading.core.damage import Finding, Kind
from lading.core.errors import RegistryError
from lading.core.manifest import Edge, EdgeKind
from lading.core.manifest_document import parse
from lading.metadata.inspection import KnownManifest
from lading.services import damage
from lading.services.pages import pages
from lading.services.verify_blobs import Check

# Bytes of manifests looked at in one go.
PAGE = 4 * 1024 * 1024
# Children named in a finding.
MAX_NAMED = 10


async def manifests(check: Check) -> AsyncIterator[Finding]:
    """Findings about manifests that are damaged, or that need what is not there."""
    read = partial(check.registry.metadata.inspection.list_manifests, size=PAGE)
    async for page in pages(read, lambda manifest: manifest.key, 0):
        for manifest in page:
            check.advance(1)
            if any(_wrong(check, manifest)):
                async for finding in _look_again(check, manifest):
                    yield finding


async def _look_again(check: Check, suspect: KnownManifest) -> AsyncIterator[Finding]:
    """Look again at a manifest: a push or a collection may have come since the page was read."""
    manifest = await check.registry.metadata.inspection.find_manifest(
        suspect.repository, suspect.digest
    )
    if manifest is None:
        return
    is_damaged, unrecorded, missing = _wrong(check, manifest)
    if is_damaged:
        yield await _damaged(check, manifest)
    if unrecorded:
        yield await _record(check, manifest, unrecorded)
    for edge in missing:
        yield await _child_missing(check, manifest, edge)


def _wrong(check: Check, manifest: KnownManifest) -> tuple[bool, list[Edge], list[Edge]]:
    """Whether a manifest is damaged; what it refers to and is not recorded; and what is missing.

    That is what is not in its repository, as a push would find it.
    """
    if manifest.lost or not manifest.digest.names(manifest.body):
        return True, [], []
    try:
        edges = parse(manifest.body, manifest.media_type, manifest.digest.algorithm).edges
    except RegistryError:  # accepted by an earlier version; its recorded children are kept
        edges = ()
    lenient = not check.registry.policy.children_required
    missing = [
        edge
        for edge in edges
        if edge.required
        and not manifest.children.get(edge.child, True)
        and not (lenient and edge.kind is EdgeKind.MANIFEST)
    ]
    return False, [edge for edge in edges if edge.child not in manifest.children], missing


def _subject(manifest: KnownManifest) -> str:
    return f"{manifest.repository}@{manifest.digest}"


async def _damaged(check: Check, manifest: KnownManifest) -> Finding:
    mended = ""
    if check.repair:
        now = check.registry.clock()
        await check.registry.metadata.damage.lose_manifest(
            manifest.repository, manifest.digest, manifest.body, now=now
        )
        mended = "clients are told that it is not there, so that they push it again"
    explanation = "the stored manifest is not what was pushed: its bytes have another digest"
    again = "push the image again, from where it was built or pulled"
    advice = again if check.repair else f"run `lading verify --repair`, then {again}"
    return Finding(Kind.MANIFEST_WRONG, _subject(manifest), explanation, advice, mended)


async def _record(check: Check, manifest: KnownManifest, edges: list[Edge]) -> Finding:
    finding = Finding(
        Kind.CHILD_UNRECORDED,
        _subject(manifest),
        f"the manifest refers to {_names(edges)}, which is not recorded, so that a collection could"
        " take it away",
    )
    if not check.repair:
        return replace(finding, advice="run `lading verify --repair`")
    await check.registry.metadata.damage.add_children(
        manifest.repository, manifest.digest, edges, now=check.registry.clock()
    )
    return replace(finding, mended="it is recorded now")


def _names(edges: list[Edge]) -> str:
    """The names of manifests, as many as somebody reads."""
    more = len(edges) - MAX_NAMED
    names = ", ".join(edge.child for edge in edges[:MAX_NAMED])
    return f"{names} and {more} others" if more > 0 else names


async def _child_missing(check: Check, manifest: KnownManifest, edge: Edge) -> Finding:
    missing = f"the manifest needs {edge.child} ({edge.kind}), which is not in the repository"
    finding = Finding(Kind.CHILD_MISSING, _subject(manifest), missing)
    if check.repair and await _adopt(check, manifest, edge):
        mended = "its bytes were still there, and it is in the repository now"
        return replace(finding, mended=mended)
    advice = "push the image again, from where it was built or pulled; or delete it"
    if not check.repair and edge.kind is not EdgeKind.MANIFEST:
        advice = f"run `lading verify --repair`, which looks for its bytes; else {advice}"
    return replace(finding, advice=advice)


async def _adopt(check: Check, manifest: KnownManifest, edge: Edge) -> bool:
    """Put a blob into the repository whose bytes are there; false if they are not, or not right."""
    if edge.kind is EdgeKind.MANIFEST:
        return False
    registry = check.registry
    seen = await registry.blobs.stat(edge.child)
    # Reading them takes its time, so it is not done under the lock, for which pushes wait.
    if seen is None or await registry.blobs.hash(edge.child, damage.ignore) != edge.child:
        return False
    async with registry.locks.lock(edge.child):
        if await registry.blobs.stat(edge.child) != seen:
            return False
        # The size that the manifest says may be wrong.
        await registry.metadata.damage.adopt_blob(
            manifest.repository, edge.child, seen.size, now=registry.clock()
        )
    return True

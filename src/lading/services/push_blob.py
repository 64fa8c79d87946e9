"""Pushing a blob: start or mount, append, commit.

Bytes first, rows second: a row that says "it is there" is written when the bytes are on disk under
their final name. What a crash leaves between the two is bytes without a row, which the next push of
the blob makes whole, and the collector deletes if none comes.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from lading.core.access import Access, Action, Grant
from lading.core.digest import SHA256, Digest, require_supported
from lading.core.errors import (
    ReadOnly,
    SizeMismatch,
    StorageFull,
    TooManyRequests,
    Unavailable,
    UploadUnknown,
)
from lading.core.history import Change
from lading.core.names import Owner, RepositoryName, UploadId, UploadKey
from lading.ports.uploads import Becoming, StagedUpload, UploadNotReady
from lading.services import damage
from lading.services.chunks import Chunk, read_small, receive
from lading.services.registry import Registry

# Repositories asked for a blob that is to be mounted from anywhere.
MOUNT_CANDIDATES = 20
# Seconds after which a caller with too many unfinished uploads may try again.
_RETRY = 60.0
# Unfinished uploads that a caller may have when all together have too many: Docker pushes five
# layers at once, containers' tools six. So it takes thousands of callers, not a few, to keep others
# out.
_FEW = 10


async def start(
    registry: Registry, grant: Grant, algorithm: str = SHA256, *, client: str = ""
) -> UploadId:
    """Begin an upload.

    Args:
        algorithm: what the digest will be of; a hint that saves reading the bytes again.
        client: the address of a caller that has no name.

    Raises:
        DigestInvalid: the algorithm is not supported.
        StorageFull: there is no room for anything.
        TooManyRequests: the caller has as many unfinished uploads as it may.
        Unavailable: all together have.
    """
    grant.require(Action.PUSH)
    require_supported(algorithm)
    await registry.uploads.require_space(0)
    owner = Owner.known_by(grant.principal.name, client)
    await _require_few_in_all(registry, owner)
    upload = UploadId.of(registry.new_uuid(), owner)
    key = UploadKey.of(grant.repository, upload)
    most = registry.policy.max_staged
    if not await registry.uploads.begin(key, algorithm=algorithm, now=registry.clock(), most=most):
        raise _too_many(registry)
    return upload


async def _require_few_in_all(registry: Registry, owner: Owner) -> None:
    """Require that few uploads are unfinished: each takes a file, perhaps for days.

    Once there are too many, only who has few may begin, and nobody once there are twice as many.
    Who has too many is told so first: there may be room for others, but not for them.
    """
    policy, uploads = registry.policy, registry.uploads
    if policy.max_staged_in_all is None:
        return
    in_all = await uploads.count_all(registry.clock())
    if in_all < policy.max_staged_in_all:
        return
    own = await uploads.count(owner)
    if policy.max_staged is not None and own >= policy.max_staged:
        raise _too_many(registry)
    if own >= _FEW or in_all >= 2 * policy.max_staged_in_all:
        raise Unavailable("too many uploads are unfinished here; finish some, or try again later")


def _too_many(registry: Registry) -> TooManyRequests:
    return TooManyRequests(
        f"you have begun {registry.policy.max_staged} uploads and not finished them;"
        " finish or cancel some, or wait until they are given up",
        _RETRY,
    )


async def mount(
    registry: Registry, grant: Grant, digest: Digest, sources: Grant | Access, *, change: Change
) -> bool:
    """Take a blob over from another repository, without its bytes travelling.

    Args:
        sources: the repository to take it from, with what the caller may do there; or, to take
            it from any, what the caller may do everywhere.

    Returns:
        Whether it is in the repository now; if not, the client uploads it.
    """
    grant.require(Action.PUSH)
    for repository in await _sources(registry, digest, sources):
        linked = await registry.metadata.links.find_placed(repository, digest)
        if linked is None or not await damage.is_intact(registry, digest, linked):
            continue
        if await registry.metadata.links.mount(
            grant.repository, digest, source=repository, change=change
        ):
            return True
    return False


async def _sources(
    registry: Registry, digest: Digest, sources: Grant | Access
) -> Sequence[RepositoryName]:
    if isinstance(sources, Grant):
        return [sources.repository] if Action.PULL in sources.actions else []
    found = await registry.metadata.links.repositories_with(digest, limit=MOUNT_CANDIDATES)
    return [repository for repository in found if Action.PULL in sources.actions(repository)]


async def append(registry: Registry, grant: Grant, upload: UploadId, chunk: Chunk) -> int:
    """Add a chunk to an upload. What arrives before a client goes away is kept.

    Returns:
        How many bytes the upload has now.

    Raises:
        UploadUnknown: no such upload here, or it was cancelled meanwhile.
        UploadOutOfOrder: the chunk does not follow what is there; nothing was kept of it.
        SizeMismatch: it has another length than its range; nothing of it was kept.
        BlobTooLarge: the upload is larger than the operator allows; what fits was kept.
        StorageFull: there is no room for it; nothing of it was kept.
    """
    grant.require(Action.PUSH)
    key = UploadKey.of(grant.repository, upload)
    data, chunk = await read_small(chunk, registry.uploads.small, registry.policy.max_blob_size)
    if data and await registry.uploads.append_small(key, data):
        return len(data)
    async with registry.uploads.stage(key) as staged:
        start = staged.size
        try:
            await receive(registry, staged, chunk)
        except (SizeMismatch, StorageFull):  # what cannot be completed is not to fill the disk
            await _rewind(staged, start)
            raise
        finally:
            await staged.touch(registry.clock())
        return staged.size


async def commit(
    registry: Registry,
    grant: Grant,
    upload: UploadId,
    digest: Digest,
    chunk: Chunk,
    *,
    change: Change,
) -> None:
    """Add a last chunk, which may be empty, and make the upload a blob.

    All or nothing: if it fails, the upload is as it was before, and can go on; but it is over if
    the disk lost bytes. Repeating it after it succeeded succeeds again, for the client that did not
    get the answer. The change counts from when all bytes are there.

    Raises:
        UploadUnknown, UploadOutOfOrder, SizeMismatch, BlobTooLarge: as `append`.
        DigestMismatch: the bytes have another digest. After a few of them the upload is over.
        ReadOnly: the registry has become read-only since the push began.
    """
    grant.require(Action.PUSH)
    key = UploadKey.of(grant.repository, upload)
    lock = registry.locks.lock_by_rows(digest)
    if lock is not None:
        becoming, chunk = await _becoming_unopened(registry, key, digest, chunk)
        if becoming is not None:
            links, now = registry.metadata.links, replace(change, at=registry.clock())
            with suppress(UploadNotReady):  # by one transaction, if nobody has the digest locked
                if await links.add(
                    grant.repository, digest, becoming, upload=key, change=now, lock=lock
                ):
                    return
    try:
        async with registry.uploads.stage(key, algorithm=digest.algorithm) as staged:
            start = staged.size
            try:
                await receive(registry, staged, chunk)
                await staged.verify(digest)
                await _commit(registry, grant.repository, key, staged, digest, change)
            except BaseException:  # cancelled, too
                await _rewind(staged, start)
                await staged.touch(registry.clock())
                raise
    except UploadUnknown:
        if not await _was_committed(registry, key, digest):
            raise


async def _was_committed(registry: Registry, upload: UploadKey, digest: Digest) -> bool:
    """Whether an upload became this blob, or is just becoming it by another request."""
    became = registry.metadata.links.committed
    if await became(upload) == digest:
        return True
    async with registry.locks.lock(digest):  # which that one has until it has written that down
        return await became(upload) == digest


async def push_whole(
    registry: Registry,
    grant: Grant,
    digest: Digest,
    chunk: Chunk,
    *,
    change: Change,
    client: str = "",
) -> None:
    """Push a blob in one request.

    Raises:
        TooManyRequests, Unavailable: as `start`.
        DigestMismatch: the bytes have another digest; nothing is kept.
    """
    upload = await start(registry, grant, digest.algorithm, client=client)
    try:
        await commit(registry, grant, upload, digest, chunk, change=change)
    except BaseException:
        await registry.uploads.discard(UploadKey.of(grant.repository, upload))
        raise


async def status(registry: Registry, grant: Grant, upload: UploadId) -> int:
    """The number of bytes that an upload has; `UploadUnknown` if there is none."""
    grant.require(Action.PULL)
    return await registry.uploads.size(UploadKey.of(grant.repository, upload))


async def cancel(registry: Registry, grant: Grant, upload: UploadId) -> None:
    """Discard an upload, on its client's demand; `UploadUnknown` if there is none."""
    grant.require(Action.PUSH)
    key = UploadKey.of(grant.repository, upload)
    await registry.uploads.size(key)
    await registry.uploads.discard(key)


async def _commit(
    registry: Registry,
    repository: RepositoryName,
    upload: UploadKey,
    staged: StagedUpload,
    digest: Digest,
    change: Change,
) -> None:
    """Commit an upload, under the lock that keeps a collector from deleting bytes that were there.

    Others wait for it, so nothing is done under it that takes longer for more bytes.
    """
    add = partial(registry.metadata.links.add, repository, digest, upload=upload)
    becoming = await staged.commit_by_rows(digest)
    if becoming is None:
        # Before bytes get a name that no row is going to know; the transaction looks once more.
        if await registry.metadata.read_only.look() is not None:
            raise ReadOnly
        async with registry.locks.lock(digest):
            await staged.commit(digest)
            await add(staged.size, change=replace(change, at=registry.clock()))
            await registry.uploads.settle(upload, digest)
        return
    now = replace(change, at=registry.clock())
    lock = registry.locks.lock_by_rows(digest)  # in the same transaction, if nobody has it
    if lock is None or not await add(becoming, change=now, lock=lock):
        async with registry.locks.lock(digest):
            await add(becoming, change=now)
    staged.end()


async def _becoming_unopened(
    registry: Registry, upload: UploadKey, digest: Digest, chunk: Chunk
) -> tuple[Becoming | None, Chunk]:
    """How an upload that is not opened becomes a blob, if it can; and the chunk as if not read."""
    if chunk.length == 0 and chunk.range is None:
        return registry.uploads.commit_as_it_is(upload, digest), chunk
    data, chunk = await read_small(chunk, registry.uploads.small, registry.policy.max_blob_size)
    if not data:
        return None, chunk
    return await registry.uploads.commit_small(upload, digest, data), chunk


async def _rewind(staged: StagedUpload, size: int) -> None:
    if staged.size != size:
        await staged.rewind(size)

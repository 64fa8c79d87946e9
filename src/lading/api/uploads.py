"""end-4, end-5, end-6, end-11, end-13, end-14: pushes of blobs."""

from lading.api.context import Context
from lading.api.errors import upload_range
from lading.core.digest import SHA256, Digest
from lading.core.errors import DigestInvalid, NameInvalid
from lading.core.names import RepositoryName, UploadId
from lading.core.ranges import parse_chunk
from lading.edge.body import read_pieces, skip_body
from lading.edge.limits import client_of
from lading.edge.response import Response
from lading.services import push_blob
from lading.services.chunks import Chunk


async def start(context: Context) -> Response:
    """Begin an upload; or take the whole blob, or mount one from elsewhere, if so asked."""
    digest = context.request.parameter("digest")
    if digest is not None:
        return await _push_whole(context, Digest(digest))
    await skip_body(context.request.receive)
    mount = context.request.parameter("mount")
    if mount is not None and await _mount(context, Digest(mount)):
        return _created(context, Digest(mount))
    algorithm = context.request.parameter("digest-algorithm") or SHA256
    upload = await push_blob.start(
        context.registry, context.grant, algorithm, client=client_of(context.request.address)
    )
    return _accepted(context, upload, 0)


async def status(context: Context) -> Response:
    """The size of an upload so far."""
    upload = UploadId(context.argument)
    size = await push_blob.status(context.registry, context.grant, upload)
    return Response(204, _headers(context, upload, size))


async def append(context: Context) -> Response:
    """Add a chunk, or a stream, to an upload."""
    upload = UploadId(context.argument)
    size = await push_blob.append(context.registry, context.grant, upload, _chunk(context))
    return _accepted(context, upload, size)


async def commit(context: Context) -> Response:
    """Finish an upload, with a last chunk if there is one."""
    digest = context.request.parameter("digest")
    if digest is None:
        raise DigestInvalid("say which digest the upload has: `?digest=sha256:…`")
    await push_blob.commit(
        context.registry,
        context.grant,
        UploadId(context.argument),
        Digest(digest),
        _chunk(context),
        change=context.change(),
    )
    return _created(context, Digest(digest))


async def cancel(context: Context) -> Response:
    """Cancel an upload."""
    upload = UploadId(context.argument)
    await skip_body(context.request.receive)
    await push_blob.cancel(context.registry, context.grant, upload)
    return Response(204, {"Docker-Upload-UUID": upload})


async def _push_whole(context: Context, digest: Digest) -> Response:
    await push_blob.push_whole(
        context.registry,
        context.grant,
        digest,
        _chunk(context),
        change=context.change(),
        client=client_of(context.request.address),
    )
    return _created(context, digest)


async def _mount(context: Context, digest: Digest) -> bool:
    source = context.request.parameter("from")
    try:
        sources = context.access if source is None else context.access.grant(RepositoryName(source))
    except NameInvalid:  # so nothing is there: "unable to mount … SHOULD return a 202"
        return False
    return await push_blob.mount(
        context.registry, context.grant, digest, sources, change=context.change()
    )


def _chunk(context: Context) -> Chunk:
    request = context.request
    content_range = request.headers.get("content-range")
    return Chunk(
        pieces=read_pieces(request.receive, context.options.edge.bodies.memory),
        range=None if content_range is None else parse_chunk(content_range),
        length=request.content_length,
    )


def _created(context: Context, digest: Digest) -> Response:
    location = context.location(f"/v2/{context.grant.repository}/blobs/{digest}")
    headers = {"Location": location, "Docker-Content-Digest": digest}
    return Response(201, headers, digest=digest)


def _accepted(context: Context, upload: UploadId, size: int) -> Response:
    return Response(202, _headers(context, upload, size))


def _headers(context: Context, upload: UploadId, size: int) -> dict[str, str]:
    return {
        "Location": context.location(f"/v2/{context.grant.repository}/blobs/uploads/{upload}"),
        "Range": upload_range(size),
        "Docker-Upload-UUID": upload,
    }

"""end-2, end-10: blobs."""

from collections.abc import Sequence

from lading.api.context import Context
from lading.core.digest import Digest
from lading.core.ranges import ByteRange, parse_ranges
from lading.edge.body import skip_body
from lading.edge.request import etag, is_fresh, range_applies, require_match
from lading.edge.response import BlobBody, PartsBody, Response, content_range
from lading.services.delete import delete_blob
from lading.services.pull import PulledBlob, pull_blob, stat_blob


async def head(context: Context) -> Response:
    """Whether a blob is there; the client then need not upload it."""
    digest = Digest(context.argument)
    size = await stat_blob(context.registry, context.grant, digest)
    require_match(context.request.headers, digest, digest)
    if is_fresh(context.request.headers, digest):
        return Response(304, _headers(digest), digest=digest)
    return Response(200, {**_headers(digest), "Content-Length": str(size)}, digest=digest)


async def get(context: Context) -> Response:
    """A blob, or the parts of it that `Range` asks for."""
    headers = context.request.headers
    digest = Digest(context.argument)
    blob = await pull_blob(context.registry, context.grant, digest)
    require_match(headers, digest, digest)
    if is_fresh(headers, digest):
        return Response(304, _headers(digest), digest=digest)
    wanted = "range" in headers and range_applies(headers, digest)
    parts = parse_ranges(headers["range"], blob.size) if wanted else ()
    return _response(digest, blob, parts)


def _response(digest: Digest, blob: PulledBlob, parts: Sequence[ByteRange]) -> Response:
    match parts:
        case []:
            body = BlobBody(blob.source, ByteRange(0, blob.size))
            return Response(200, _headers(digest), body, digest)
        case [part]:
            # "A server MUST NOT generate a multipart response to a request for a single range"
            # (RFC 9110, 15.3.7.2).
            headers = {**_headers(digest), "Content-Range": content_range(part, blob.size)}
            return Response(206, headers, BlobBody(blob.source, part), digest)
        case _:
            several = PartsBody(blob.source, parts, blob.size)
            headers = {**_headers(digest), "Content-Type": several.media_type}
            return Response(206, headers, several, digest)


async def delete(context: Context) -> Response:
    """Delete a blob from the repository."""
    digest = Digest(context.argument)
    await skip_body(context.request.receive)
    require_match(context.request.headers, digest, digest)
    await delete_blob(context.registry, context.grant, digest, change=context.change())
    return Response(202)


def _headers(digest: Digest) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": etag(digest),
        "Accept-Ranges": "bytes",
        # The content of a digest never changes.
        "Cache-Control": "max-age=31536000",
    }

"""end-8, end-12, and the catalog: lists, in pages."""

from collections.abc import AsyncGenerator
from urllib.parse import quote

import msgspec

from lading.api.context import Context
from lading.core import media
from lading.core.digest import Digest
from lading.core.errors import PageInvalid
from lading.edge.response import JSON, Response, StreamBody, encode_json, json_response
from lading.metadata.referrers import Referrer
from lading.services import listing

# Tags read and sent at once to who asks for all: the names of so many fit into 64 KiB.
TAGS_AT_ONCE = 400
# Distribution's page when the client does not say.
DEFAULT_REPOSITORIES = 100
# A page of referrers must stay below the 4 MiB that clients read of an index; descriptors without
# annotations take 250 bytes.
MAX_REFERRERS = 1000
MAX_REFERRERS_SIZE = 3 * 1024 * 1024


async def tags(context: Context) -> Response:
    """The tags of a repository: a page, if the client asks for pages, or all."""
    asked = _limit(context)
    limit = TAGS_AT_ONCE if asked is None else min(asked, context.options.max_tags)
    page = await listing.list_tags(
        context.registry, context.grant, after=_after(context), limit=limit
    )
    name = context.grant.repository
    begun = {"name": name, "tags": page.items}
    if asked is None and page.last is not None:
        body = StreamBody(_all_tags(context, encode_json(begun), page.last))
        return Response(200, {"Content-Type": JSON}, body)
    return json_response(begun, headers=_next(context, f"/v2/{name}/tags/list", limit, page.last))


async def _all_tags(
    context: Context, piece: bytes, last: str | None
) -> AsyncGenerator[bytes, None]:
    """The list of all tags, which goes on after its first piece, a document of its own."""
    end = b"]}"
    yield piece.removesuffix(end)
    while last is not None:
        piece, last = await _tags_after(context, last)
        yield piece
    yield end


async def _tags_after(context: Context, last: str) -> tuple[bytes, str | None]:
    """The next tags of a list, and the tag after which its rest begins."""
    page = await listing.list_tags(context.registry, context.grant, after=last, limit=TAGS_AT_ONCE)
    names = encode_json(page.items)[1:-1]
    return b"," + names if names else b"", page.last


async def catalog(context: Context) -> Response:
    """The repositories of the registry."""
    most = context.options.max_repositories
    asked = _limit(context)
    limit = min(DEFAULT_REPOSITORIES if asked is None else asked, most)
    page = await listing.list_repositories(
        context.registry, context.access, after=_after(context), limit=limit
    )
    return json_response(
        {"repositories": page.items}, headers=_next(context, "/v2/_catalog", limit, page.last)
    )


async def referrers(context: Context) -> Response:
    """The manifests that are about a digest, as an image index."""
    subject = Digest(context.argument)
    # Many types have a plus, which not all clients encode, and few a space.
    artifact_type = context.request.parameter_with_pluses("artifactType")
    asked = _limit(context)
    limit = MAX_REFERRERS if asked is None else min(asked, MAX_REFERRERS)
    page = await listing.list_referrers(
        context.registry,
        context.grant,
        subject,
        artifact_type=artifact_type,
        after=_after(context),
        limit=limit,
        max_size=MAX_REFERRERS_SIZE,
    )
    path = f"/v2/{context.grant.repository}/referrers/{subject}"
    headers = _next(context, path, limit, page.last, artifactType=artifact_type)
    if artifact_type is not None:
        headers["OCI-Filters-Applied"] = "artifactType"
    return json_response(
        {
            "schemaVersion": 2,
            "mediaType": media.OCI_INDEX,
            "manifests": [_descriptor(referrer) for referrer in page.items],
        },
        headers=headers,
        content_type=media.OCI_INDEX,
    )


def _descriptor(referrer: Referrer) -> dict[str, object]:
    descriptor: dict[str, object] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type:
        descriptor["artifactType"] = referrer.artifact_type
    if referrer.annotations != b"{}":
        descriptor["annotations"] = msgspec.Raw(referrer.annotations)
    return descriptor


def _limit(context: Context) -> int | None:
    """The size of a page: how many the client asks for on a page, if it does."""
    value = context.request.parameter("n")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise PageInvalid("`n` must be a number from 0", {"n": value[:64]})
    return int(value)


def _after(context: Context) -> str:
    return context.request.parameter("last") or ""


def _next(
    context: Context, path: str, limit: int, last: str | None, **more: str | None
) -> dict[str, str]:
    """The header `Link` (RFC 8288) to the next page, if there is one: a path, as Distribution's."""
    if last is None:
        return {}
    values = {"n": str(limit), "last": last, **more}
    # A query may hold slashes (RFC 3986, 3.4), and a name as it is costs a tenth of one to encode.
    query = "&".join(f"{key}={quote(value)}" for key, value in values.items() if value is not None)
    return {"Link": f'<{context.public_path(path)}?{query}>; rel="next"'}

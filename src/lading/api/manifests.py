"""end-3, end-7, end-9: manifests."""

from lading.api.context import Context
from lading.core.errors import ManifestTooLarge
from lading.core.names import Tag, parse_reference, parse_wanted
from lading.edge.body import skip_body, whole_body
from lading.edge.request import creates_only, etag, expected, is_fresh, require_match
from lading.edge.response import Response
from lading.metadata.manifests import StoredManifest
from lading.services.delete import delete_manifest
from lading.services.pull import pull_manifest, stat_manifest
from lading.services.push_manifest import push_manifest


async def get(context: Context) -> Response:
    """The manifest as it was pushed, whatever types the client accepts.

    A digest promises these bytes; no conversion of them would have it.
    """
    reference = parse_wanted(context.argument)
    return _response(context, await pull_manifest(context.registry, context.grant, reference))


async def head(context: Context) -> Response:
    """Whether a manifest is there; the client then need not push it."""
    reference = parse_wanted(context.argument)
    return _response(context, await stat_manifest(context.registry, context.grant, reference))


def _response(context: Context, manifest: StoredManifest) -> Response:
    require_match(context.request.headers, context.argument, manifest.digest)
    headers = {
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": manifest.digest,
        "ETag": etag(manifest.digest),
    }
    if is_fresh(context.request.headers, manifest.digest):
        return Response(304, headers, digest=manifest.digest)
    return Response(200, headers, manifest.body, manifest.digest)


async def put(context: Context) -> Response:
    """Push a manifest by tag or by digest, with more tags in `tag` parameters."""
    request = context.request
    reference = parse_reference(context.argument)
    tags = [Tag(tag) for tag in request.parameters.get("tag", [])]
    most = context.options.max_manifest
    budgets = context.options.edge.bodies
    async with whole_body(request, most, budgets) as body:
        if body is None:
            raise ManifestTooLarge(f"manifests may have at most {most} bytes")
        manifest = await push_manifest(
            context.registry,
            context.grant,
            reference,
            body,
            change=context.change(),
            content_type=request.headers.get("content-type", ""),
            tags=tags,
            create_only=creates_only(request.headers),
            expected=expected(request.headers),
        )
    headers = {
        "Location": context.location(f"/v2/{context.grant.repository}/manifests/{manifest.digest}"),
        "Docker-Content-Digest": manifest.digest,
    }
    if manifest.subject is not None:
        headers["OCI-Subject"] = manifest.subject
    if tags:
        headers["OCI-Tag"] = ", ".join(tags)
    return Response(201, headers, digest=manifest.digest)


async def delete(context: Context) -> Response:
    """Delete a tag, or a manifest with its tags."""
    reference = parse_wanted(context.argument)
    await skip_body(context.request.receive)
    await delete_manifest(
        context.registry,
        context.grant,
        reference,
        expected=expected(context.request.headers),
        change=context.change(),
    )
    return Response(202)

"""end-3, end-7, end-9: manifests; and a note of when each was last pulled."""

from lading.api.context import Context
from lading.core.errors import ManifestTooLarge
from lading.core.names import Tag, parse_reference, parse_wanted
from lading.core.typing import override
from lading.edge.body import skip_body, whole_body
from lading.edge.endpoints import Match
from lading.edge.observers import Answered, Observer
from lading.edge.request import creates_only, etag, expected, is_fresh, require_match
from lading.edge.response import Response
from lading.metadata.manifests import StoredManifest
from lading.services.delete import delete_manifest
from lading.services.figures import PullNotes
from lading.services.pull import pull_manifest, stat_manifest
from lading.services.push_manifest import push_manifest

# The second one is of a client that has the content already.
_PULLED = frozenset({200, 304})


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


class PullObserver(Observer):
    """An observer of pulls, which notes them in memory.

    Who gets a manifest pulls it, and the tag by which it was asked for. Most clients only ask for
    the digest of a tag (`HEAD`) and then get that, so this is a pull of the tag, too; of a digest
    it is what clients ask before a push.
    """

    def __init__(self, notes: PullNotes) -> None:
        self._notes = notes

    @override
    def note(self, answered: Answered) -> None:
        if answered.status not in _PULLED or not isinstance(answered.found, Match):
            return
        endpoint = answered.endpoint
        if endpoint is None or endpoint.audited.name not in {"manifest.pull", "manifest.find"}:
            return
        digest = answered.digest if endpoint.audited.name == "manifest.pull" else ""
        name, reference = answered.found.name or "", answered.found.argument
        if digest or reference != answered.digest:
            self._notes.note(name, reference, digest, answered.at, answered.request.caller)

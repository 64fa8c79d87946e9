"""Errors over HTTP: a status and a code for each that can be raised, in one table and only there.

The codes are the distribution specification's ("Error Codes") and, where that has none, CNCF
Distribution's, which clients know.
"""

import logging
import math
from collections.abc import Mapping

from lading.core import errors
from lading.core.errors import RegistryError
from lading.edge.response import JSON, Response, encode_json

STATUS_AND_CODE: Mapping[type[RegistryError], tuple[int, str]] = {
    errors.NameInvalid: (400, "NAME_INVALID"),
    errors.TagInvalid: (400, "TAG_INVALID"),
    errors.DigestInvalid: (400, "DIGEST_INVALID"),
    errors.DigestMismatch: (400, "DIGEST_INVALID"),
    errors.SizeMismatch: (400, "SIZE_INVALID"),
    errors.RepositoryUnknown: (404, "NAME_UNKNOWN"),
    errors.ManifestUnknown: (404, "MANIFEST_UNKNOWN"),
    errors.ManifestInvalid: (400, "MANIFEST_INVALID"),
    # "the registry MUST return … 413 Payload Too Large" (distribution-spec, Pushing Manifests)
    errors.ManifestTooLarge: (413, "MANIFEST_INVALID"),
    # The specification lists this code under 404; Distribution and its clients use 400.
    errors.ManifestBlobUnknown: (400, "MANIFEST_BLOB_UNKNOWN"),
    errors.TooManyTags: (414, "TAG_INVALID"),
    # 403 makes clients ask for another login, 400 says that the request is malformed; it is not.
    errors.TagImmutable: (409, "DENIED"),
    errors.NotRestorable: (404, "MANIFEST_UNKNOWN"),
    # "respond with … the 412 (Precondition Failed) status code" (RFC 9110, 13.1.2)
    errors.AlreadyExists: (412, "DENIED"),
    errors.NotAsExpected: (412, "DENIED"),
    errors.BlobUnknown: (404, "BLOB_UNKNOWN"),
    errors.BlobDamaged: (503, "UNAVAILABLE"),
    errors.ManifestDamaged: (503, "UNAVAILABLE"),
    # "405 … if deletion is disabled" is the only refusal that clients expect of a DELETE.
    errors.BlobInUse: (405, "UNSUPPORTED"),
    errors.RangeNotSatisfiable: (416, "RANGE_INVALID"),
    errors.BlobTooLarge: (413, "SIZE_INVALID"),
    errors.UploadUnknown: (404, "BLOB_UPLOAD_UNKNOWN"),
    errors.UploadInvalid: (400, "BLOB_UPLOAD_INVALID"),
    errors.UploadOutOfOrder: (416, "RANGE_INVALID"),
    errors.PageInvalid: (400, "PAGINATION_NUMBER_INVALID"),
    # Distribution answers a token that is good for less with this, too; clients then get another.
    errors.Unauthorized: (401, "UNAUTHORIZED"),
    errors.TokenRequestInvalid: (400, "UNSUPPORTED"),
    errors.Denied: (403, "DENIED"),
    errors.Unsupported: (405, "UNSUPPORTED"),
    errors.ReadOnly: (405, "UNSUPPORTED"),
    errors.DeleteDisabled: (405, "UNSUPPORTED"),
    errors.TooManyRequests: (429, "TOOMANYREQUESTS"),
    # RFC 4918, section 11.5: Insufficient Storage.
    errors.StorageFull: (507, "UNAVAILABLE"),
    errors.Unavailable: (503, "UNAVAILABLE"),
}

log = logging.getLogger(__name__)


def error_response(error: Exception) -> Response:
    """The answer to whatever went wrong.

    Of a failure of this program the log has the details, the client none.
    """
    if not isinstance(error, RegistryError):
        log.error("unexpected failure", exc_info=error)
        return Response(500, {"Content-Type": JSON}, _envelope("UNKNOWN", "unknown error"))
    status, code = STATUS_AND_CODE[type(error)]
    headers = {"Content-Type": JSON, **_headers(error)}
    return Response(status, headers, _envelope(code, error.message, *error.details))


def not_found_response(prefix: str) -> Response:
    """The answer to a path that is not of this protocol, of a registry below `prefix`."""
    return Response(
        404,
        {"Content-Type": JSON},
        _envelope("UNSUPPORTED", f"there is nothing at this path; the API is under {prefix}/v2/"),
    )


def _envelope(code: str, message: str, *details: Mapping[str, object]) -> bytes:
    """The error body of the specification; one entry for each thing it concerns."""
    return encode_json(
        {
            "errors": [
                {"code": code, "message": message, "detail": detail} for detail in details or ({},)
            ]
        }
    )


def _headers(error: RegistryError) -> Mapping[str, str]:
    match error:
        case errors.RangeNotSatisfiable(size=size):
            # RFC 9110, 14.4: an unsatisfied range tells the current length.
            return {"Content-Range": f"bytes */{size}"}
        case errors.UploadOutOfOrder(size=size):
            return {"Range": upload_range(size)}
        case errors.Unauthorized(challenge=challenge):
            return {"WWW-Authenticate": challenge}
        case errors.TooManyRequests(wait=wait):
            # RFC 9110, 10.2.3: a whole number of seconds.
            return {"Retry-After": str(max(1, math.ceil(wait)))}
        case (
            errors.Unavailable()
            | errors.StorageFull()
            | errors.BlobDamaged()
            | errors.ManifestDamaged()
        ):
            return {"Retry-After": "5"}
        case _:
            return {}


def upload_range(size: int) -> str:
    """`Range` of an upload: `0-N`, the last byte included; `0-0` while it is empty."""
    return f"0-{max(size - 1, 0)}"

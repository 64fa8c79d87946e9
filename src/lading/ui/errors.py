"""Errors as pages: a status, a title and advice for each that can be raised, in one table."""

import logging
import math
from collections.abc import Mapping
from typing import NamedTuple

from lading.core import errors
from lading.core.errors import RegistryError
from lading.ui.forms import FormForged, FormInvalid

log = logging.getLogger(__name__)


class FileUnknown(RegistryError, summary="there is no such file"):
    """A file that is not in a layer, or not known to be."""


class PageUnknown(RegistryError, summary="there is no such page"):
    """A page that is not there, or not in this registry."""


class ErrorPage(NamedTuple):
    """The texts of an error's page.

    Attributes:
        advice: what to do next.
    """

    status: int
    title: str
    advice: str


_BACK = "Go back and try again."
_OLD = (
    "Nothing was done. The form is older than your sign-in, or another site has sent it: load its"
    " page again, and send it from there."
)
_LOOK = "Nothing was done. Look at it again: what you were asked about is not what is there now."
_GONE = "It may have been deleted or moved. Look for it in its repository, or in the trash."
_NO_REPOSITORY = (
    "It may have been deleted, or have another name. Look for it among all repositories, or in the"
    " trash."
)
_SENT = "The address or what was sent with it is not what this page takes. Follow a link to it."
_FILES = "Look for it among the files of the image, which are there once the layers have been read."
_FORBIDDEN = (
    "There may be no such thing, or it is not for you. Sign in as somebody who may, or ask who runs"
    " this registry."
)
_LATER = "Wait a moment and load the page again. If that does not help, ask who runs this registry."
_KEPT = "The registry keeps it by a rule that its operator wrote."
_CLIENTS = "This is for clients of the registry, and no page asks for it."

ERROR_PAGES: Mapping[type[RegistryError], ErrorPage] = {
    errors.NameInvalid: ErrorPage(404, "There is no such repository", _NO_REPOSITORY),
    errors.TagInvalid: ErrorPage(404, "There is no such tag", _GONE),
    errors.DigestInvalid: ErrorPage(404, "There is no such digest", _GONE),
    errors.DigestMismatch: ErrorPage(400, "That is not what was announced", _CLIENTS),
    errors.SizeMismatch: ErrorPage(400, "That is not as long as announced", _BACK),
    errors.RepositoryUnknown: ErrorPage(404, "There is no such repository", _NO_REPOSITORY),
    errors.ManifestUnknown: ErrorPage(404, "There is no such image", _GONE),
    errors.ManifestInvalid: ErrorPage(400, "That is no manifest", _CLIENTS),
    errors.ManifestTooLarge: ErrorPage(413, "That manifest is too large", _CLIENTS),
    errors.ManifestBlobUnknown: ErrorPage(400, "Something is missing", _CLIENTS),
    errors.TooManyTags: ErrorPage(414, "Too many tags at once", "Choose fewer."),
    errors.TagImmutable: ErrorPage(409, "This tag stays as it is", _KEPT),
    FileUnknown: ErrorPage(404, "There is no such file", _FILES),
    PageUnknown: ErrorPage(404, "There is nothing here", _GONE),
    errors.NotRestorable: ErrorPage(404, "There is nothing to restore", _GONE),
    errors.AlreadyExists: ErrorPage(412, "It is there already", _BACK),
    errors.NotAsExpected: ErrorPage(412, "It has changed meanwhile", _LOOK),
    errors.BlobUnknown: ErrorPage(404, "There is no such blob", _GONE),
    errors.BlobDamaged: ErrorPage(503, "These bytes are damaged", "Push the image again."),
    errors.ManifestDamaged: ErrorPage(503, "This image is damaged", "Push it again."),
    errors.BlobInUse: ErrorPage(405, "An image needs this blob", "Delete the image instead."),
    errors.RangeNotSatisfiable: ErrorPage(416, "There is no such part", _SENT),
    errors.BlobTooLarge: ErrorPage(413, "That blob is too large", _CLIENTS),
    errors.UploadUnknown: ErrorPage(404, "There is no such upload", _CLIENTS),
    errors.UploadInvalid: ErrorPage(400, "That is no upload", _CLIENTS),
    errors.UploadOutOfOrder: ErrorPage(416, "That is not the next part", _CLIENTS),
    errors.PageInvalid: ErrorPage(400, "There is no such part of the list", _SENT),
    # No page answers 401: browsers would ask for a password by a window of their own.
    errors.Unauthorized: ErrorPage(403, "Sign in first", "Sign in, and you are brought back here."),
    errors.TokenRequestInvalid: ErrorPage(400, "That is no request for a token", _CLIENTS),
    errors.Denied: ErrorPage(403, "You may not see or do this", _FORBIDDEN),
    FormForged: ErrorPage(403, "This form cannot be accepted", _OLD),
    FormInvalid: ErrorPage(400, "This form cannot be read", _BACK),
    errors.Unsupported: ErrorPage(405, "This cannot be done here", _SENT),
    errors.ReadOnly: ErrorPage(
        405, "The registry is read-only", "Try again when it is not any more."
    ),
    errors.DeleteDisabled: ErrorPage(
        405, "Deleting is switched off", "The operator did so: `storage.delete.enabled`."
    ),
    errors.TooManyRequests: ErrorPage(429, "Too many requests", "Wait a little, then try again."),
    errors.StorageFull: ErrorPage(507, "The registry is full", "Delete what nobody needs, or ask."),
    errors.Unavailable: ErrorPage(503, "The registry cannot answer now", _LATER),
}
"""What is shown of each error."""

UNEXPECTED = ErrorPage(500, "Something went wrong here", _LATER)


def error_page_of(error: Exception) -> ErrorPage:
    """The page of whatever went wrong; of a failure of this program the log has the details."""
    if isinstance(error, RegistryError):
        return ERROR_PAGES[type(error)]
    log.error("unexpected failure", exc_info=error)
    return UNEXPECTED


def headers_of(error: Exception) -> Mapping[str, str]:
    """Headers of an error's page."""
    match error:
        case errors.TooManyRequests(wait=wait):
            return {"Retry-After": str(max(1, math.ceil(wait)))}
        case errors.Unavailable() | errors.StorageFull():
            return {"Retry-After": "5"}
        case _:
            return {}

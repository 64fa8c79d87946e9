"""What can go wrong, in the registry's own words.

Services and adapters raise these. One table, `lading.api.errors`, turns them into a status and an
error code of the distribution specification; nothing here knows about HTTP.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

Detail = Mapping[str, object]


class RegistryError(Exception):
    """Something a client or an operator can be told.

    Attributes:
        message: a sentence for a person, saying what to do next where that is not obvious.
        details: what it concerns, one mapping per thing (each becomes one entry of the answer).
    """

    summary: ClassVar[str] = "unknown error"

    def __init__(self, message: str = "", *details: Detail) -> None:
        self.message = message or self.summary
        self.details: Sequence[Detail] = details
        super().__init__(self.message)


class NameInvalid(RegistryError):
    """The repository name does not follow the specification's grammar."""

    summary = "invalid repository name"


class TagInvalid(RegistryError):
    """The tag does not follow the specification's grammar."""

    summary = "invalid tag"


class DigestInvalid(RegistryError):
    """Not a digest, or one of an algorithm that is not supported."""

    summary = "invalid digest"


class DigestMismatch(RegistryError):
    """The bytes received do not have the digest the client gave."""

    summary = "provided digest did not match uploaded content"


class SizeMismatch(RegistryError):
    """A length given does not match what was received or is stored."""

    summary = "provided length did not match content length"


class RepositoryUnknown(RegistryError):
    """Nothing was ever pushed to this repository."""

    summary = "repository name not known to registry"


class ManifestUnknown(RegistryError):
    """No such tag, or no manifest of that digest, in this repository."""

    summary = "manifest unknown"


class ManifestDamaged(ManifestUnknown):
    """The stored manifest is not the one that was pushed; from now on it is not there."""

    summary = "the manifest is damaged; push it again"


class ManifestInvalid(RegistryError):
    """The body is not a manifest."""

    summary = "manifest invalid"


class ManifestTooLarge(RegistryError):
    """The body exceeds the limit for manifests, or it names too much."""

    summary = "manifest too large"


class ManifestBlobUnknown(RegistryError):
    """The manifest names blobs or manifests that this repository does not have.

    All are listed, or as many as a person reads.
    """

    summary = "blob unknown to registry"


class TooManyTags(RegistryError):
    """More `tag` parameters than one push may carry."""

    summary = "too many tags in one push"


class TagImmutable(RegistryError):
    """The tag is set, and the operator's rules say that it stays as it is."""

    summary = "the tag is immutable"


class NotRestorable(RegistryError):
    """There is nothing to bring back, or it is gone for good."""

    summary = "there is nothing to restore"


class AlreadyExists(RegistryError):
    """The push was to create only, and what it would create is there."""

    summary = "it exists already"


class BlobUnknown(RegistryError):
    """The blob is not in this repository."""

    summary = "blob unknown to registry"


class BlobDamaged(BlobUnknown):
    """The bytes of the blob are not those that were pushed; from now on it is not there."""

    summary = "the blob is damaged; push it again"


class BlobInUse(RegistryError):
    """A manifest of this repository needs the blob, so it cannot be deleted."""

    summary = "blob is needed by a manifest"


class RangeNotSatisfiable(RegistryError):
    """The requested range lies outside the blob.

    Attributes:
        size: how many bytes the blob has.
    """

    summary = "invalid content range"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"the blob has {size} bytes; ask for a range within them", {"size": size})


class BlobTooLarge(RegistryError):
    """The blob exceeds the limit for blobs."""

    summary = "blob too large"


class UploadUnknown(RegistryError):
    """No such upload in this repository: never started, finished, cancelled or expired."""

    summary = "blob upload unknown to registry"


class UploadInvalid(RegistryError):
    """A header or parameter of an upload request makes no sense."""

    summary = "blob upload invalid"


class UploadOutOfOrder(RegistryError):
    """A chunk does not start where the upload stands, or another request is writing to it.

    The upload survives: ask for its status and go on from there.

    Attributes:
        size: how many bytes the upload has.
    """

    summary = "invalid content range"

    def __init__(self, message: str, size: int) -> None:
        self.size = size
        super().__init__(message, {"size": size})


class PageInvalid(RegistryError):
    """The page size asked for is not a number, or is too large."""

    summary = "invalid number of results requested"


class Unauthorized(RegistryError):
    """The caller has to log in, or to get another token.

    Attributes:
        challenge: how, in the words of the protocol that clients speak.
    """

    summary = "authentication required"

    def __init__(self, challenge: str, message: str = "", *details: Detail) -> None:
        self.challenge = challenge
        super().__init__(message, *details)


class TokenRequestInvalid(RegistryError):
    """A request to the token service makes no sense."""

    summary = "this is not a request for a token"


class Denied(RegistryError):
    """The caller may not do this."""

    summary = "requested access to the resource is denied"


class Unsupported(RegistryError):
    """The operation is switched off here."""

    summary = "the operation is unsupported"


class ReadOnly(Unsupported):
    """The registry is in read-only mode."""

    summary = "the registry is read-only; pulls work, pushes and deletes do not"


class DeleteDisabled(Unsupported):
    """Deleting is switched off in the configuration."""

    summary = "deleting is disabled (storage.delete.enabled)"


class TooManyRequests(RegistryError):
    """The client asks for more than it may at once.

    Attributes:
        wait: seconds after which it may try again.
    """

    summary = "too many requests"

    def __init__(self, message: str, wait: float) -> None:
        self.wait = wait
        super().__init__(message)


class Unavailable(RegistryError):
    """The registry cannot answer now; trying again later may help."""

    summary = "service unavailable"


class StorageFull(RegistryError):
    """There is no space left to store anything; what is stored can be pulled."""

    summary = "the registry's storage is full; pulls work, pushes must wait until there is space"

"""Errors: what can go wrong, in the registry's own words.

Services and adapters raise these. One table, `lading.api.errors`, turns them into a status and an
error code of the distribution specification; nothing here knows about HTTP.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

Detail = Mapping[str, object]


class RegistryError(Exception):
    """An error that a client or an operator can be told.

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
    """A repository's name that does not follow the specification's grammar."""

    summary = "invalid repository name"


class TagInvalid(RegistryError):
    """A tag that does not follow the specification's grammar."""

    summary = "invalid tag"


class DigestInvalid(RegistryError):
    """Text that is no digest, or one of an algorithm that is not supported."""

    summary = "invalid digest"


class DigestMismatch(RegistryError):
    """Bytes that do not have the digest that the client gave."""

    summary = "provided digest did not match uploaded content"


class SizeMismatch(RegistryError):
    """A length that does not match what was received or is stored."""

    summary = "provided length did not match content length"


class RepositoryUnknown(RegistryError):
    """A repository to which nothing was ever pushed."""

    summary = "repository name not known to registry"


class ManifestUnknown(RegistryError):
    """A tag or a manifest that is not in this repository."""

    summary = "manifest unknown"


class ManifestDamaged(ManifestUnknown):
    """A stored manifest that is not the one that was pushed; from now on it is not there."""

    summary = "the manifest is damaged; push it again"


class ManifestInvalid(RegistryError):
    """A body that is no manifest."""

    summary = "manifest invalid"


class ManifestTooLarge(RegistryError):
    """A manifest beyond the limit of its size, or one that names too much."""

    summary = "manifest too large"


class ManifestBlobUnknown(RegistryError):
    """Blobs or manifests that a pushed manifest names and this repository does not have.

    All are listed, or as many as a person reads.
    """

    summary = "blob unknown to registry"


class TooManyTags(RegistryError):
    """Tags, as parameters of a push, that are more than one push may carry."""

    summary = "too many tags in one push"


class TagImmutable(RegistryError):
    """A tag that is set, and stays as it is by the operator's rules."""

    summary = "the tag is immutable"


class NotRestorable(RegistryError):
    """Something that cannot be restored: it was not deleted, or is gone for good."""

    summary = "there is nothing to restore"


class AlreadyExists(RegistryError):
    """A manifest or tag that is there already, where a push was to create only."""

    summary = "it exists already"


class BlobUnknown(RegistryError):
    """A blob that is not in this repository."""

    summary = "blob unknown to registry"


class BlobDamaged(BlobUnknown):
    """A blob whose bytes are not those that were pushed; from now on it is not there."""

    summary = "the blob is damaged; push it again"


class BlobInUse(RegistryError):
    """A blob that cannot be deleted, as a manifest of this repository needs it."""

    summary = "blob is needed by a manifest"


class RangeNotSatisfiable(RegistryError):
    """A range that lies outside the blob.

    Attributes:
        size: how many bytes the blob has.
    """

    summary = "invalid content range"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"the blob has {size} bytes; ask for a range within them", {"size": size})


class BlobTooLarge(RegistryError):
    """A blob beyond the limit of its size."""

    summary = "blob too large"


class UploadUnknown(RegistryError):
    """An upload that is not in this repository: never started, finished, cancelled or expired."""

    summary = "blob upload unknown to registry"


class UploadInvalid(RegistryError):
    """A header or parameter of an upload's request that makes no sense."""

    summary = "blob upload invalid"


class UploadOutOfOrder(RegistryError):
    """A chunk that does not start where the upload ends, or that comes while another is written.

    The upload survives: ask for its status and go on from there.

    Attributes:
        size: how many bytes the upload has.
    """

    summary = "invalid content range"

    def __init__(self, message: str, size: int) -> None:
        self.size = size
        super().__init__(message, {"size": size})


class PageInvalid(RegistryError):
    """A page size that is not a number, or is too large."""

    summary = "invalid number of results requested"


class Unauthorized(RegistryError):
    """A caller who has to log in, or to get another token.

    Attributes:
        challenge: how, in the words of the protocol that clients speak.
    """

    summary = "authentication required"

    def __init__(self, challenge: str, message: str = "", *details: Detail) -> None:
        self.challenge = challenge
        super().__init__(message, *details)


class TokenRequestInvalid(RegistryError):
    """A request to the token service that makes no sense."""

    summary = "this is not a request for a token"


class Denied(RegistryError):
    """An action that the caller may not do."""

    summary = "requested access to the resource is denied"


class Unsupported(RegistryError):
    """An operation that is switched off here."""

    summary = "the operation is unsupported"


class ReadOnly(Unsupported):
    """A change, while the registry is read-only."""

    summary = "the registry is read-only; pulls work, pushes and deletes do not"


class DeleteDisabled(Unsupported):
    """A delete, where the configuration switches deleting off."""

    summary = "deleting is disabled (storage.delete.enabled)"


class TooManyRequests(RegistryError):
    """A client that asks for more than it may at once.

    Attributes:
        wait: seconds after which it may try again.
    """

    summary = "too many requests"

    def __init__(self, message: str, wait: float) -> None:
        self.wait = wait
        super().__init__(message)


class Unavailable(RegistryError):
    """A registry that cannot answer now; trying again later may help."""

    summary = "service unavailable"


class StorageFull(RegistryError):
    """Storage without space left; what is stored can be pulled."""

    summary = "the registry's storage is full; pulls work, pushes must wait until there is space"

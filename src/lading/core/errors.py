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

    summary: ClassVar[str]

    def __init_subclass__(cls, *, summary: str) -> None:
        """Give a kind of error the message that it has unless it is raised with another."""
        cls.summary = summary

    def __init__(self, message: str = "", *details: Detail) -> None:
        self.message = message or self.summary
        self.details: Sequence[Detail] = details
        super().__init__(self.message)


class NameInvalid(RegistryError, summary="invalid repository name"):
    """A repository's name that does not follow the specification's grammar."""


class TagInvalid(RegistryError, summary="invalid tag"):
    """A tag that does not follow the specification's grammar."""


class DigestInvalid(RegistryError, summary="invalid digest"):
    """Text that is no digest, or one of an algorithm that is not supported."""


class DigestMismatch(RegistryError, summary="provided digest did not match uploaded content"):
    """Bytes that do not have the digest that the client gave."""


class SizeMismatch(RegistryError, summary="provided length did not match content length"):
    """A length that does not match what was received or is stored."""


class RepositoryUnknown(RegistryError, summary="repository name not known to registry"):
    """A repository to which nothing was ever pushed."""


class ManifestUnknown(RegistryError, summary="manifest unknown"):
    """A tag or a manifest that is not in this repository."""


class ManifestDamaged(ManifestUnknown, summary="the manifest is damaged; push it again"):
    """A stored manifest that is not the one that was pushed; from now on it is not there."""


class ManifestInvalid(RegistryError, summary="manifest invalid"):
    """A body that is no manifest."""


class ManifestTooLarge(RegistryError, summary="manifest too large"):
    """A manifest beyond the limit of its size, or one that names too much."""


class ManifestBlobUnknown(RegistryError, summary="blob unknown to registry"):
    """Blobs or manifests that a pushed manifest names and this repository does not have.

    All are listed, or as many as a person reads.
    """


class TooManyTags(RegistryError, summary="too many tags in one push"):
    """Tags, as parameters of a push, that are more than one push may carry."""


class TagImmutable(RegistryError, summary="the tag is immutable"):
    """A tag that is set, and stays as it is by the operator's rules."""


class NotRestorable(RegistryError, summary="there is nothing to restore"):
    """Something that cannot be restored: it was not deleted, or is gone for good."""


class AlreadyExists(RegistryError, summary="it exists already"):
    """A manifest or tag that is there already, where a push was to create only."""


class NotAsExpected(RegistryError, summary="it is not what the request is about"):
    """Something that is not, or no longer, what the client expects to be there."""


class BlobUnknown(RegistryError, summary="blob unknown to registry"):
    """A blob that is not in this repository."""


class BlobDamaged(BlobUnknown, summary="the blob is damaged; push it again"):
    """A blob whose bytes are not those that were pushed; from now on it is not there."""


class BlobInUse(RegistryError, summary="blob is needed by a manifest"):
    """A blob that cannot be deleted, as a manifest of this repository needs it."""


class RangeNotSatisfiable(RegistryError, summary="invalid content range"):
    """A range that lies outside the blob."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"the blob has {size} bytes; ask for a range within them", {"size": size})


class BlobTooLarge(RegistryError, summary="blob too large"):
    """A blob beyond the limit of its size."""


class UploadUnknown(RegistryError, summary="blob upload unknown to registry"):
    """An upload that is not in this repository: never started, finished, cancelled or expired."""


class UploadInvalid(RegistryError, summary="blob upload invalid"):
    """A header or parameter of an upload's request that makes no sense."""


class UploadOutOfOrder(RegistryError, summary="invalid content range"):
    """A chunk that does not start where the upload ends, or that comes while another is written.

    The upload survives: ask for its status and go on from there.
    """

    def __init__(self, message: str, size: int) -> None:
        self.size = size
        super().__init__(message, {"size": size})


class PageInvalid(RegistryError, summary="invalid number of results requested"):
    """A page size that is not a number, or is too large."""


class Unauthorized(RegistryError, summary="authentication required"):
    """A caller who has to log in, or to get another token, as a challenge of the protocol says."""

    def __init__(self, challenge: str, message: str = "", *details: Detail) -> None:
        self.challenge = challenge
        super().__init__(message, *details)


class TokenRequestInvalid(RegistryError, summary="this is not a request for a token"):
    """A request to the token service that makes no sense."""


class Denied(RegistryError, summary="requested access to the resource is denied"):
    """An action that the caller may not do."""


class Unsupported(RegistryError, summary="the operation is unsupported"):
    """An operation that is switched off here."""


class ReadOnly(
    Unsupported, summary="the registry is read-only; pulls work, pushes and deletes do not"
):
    """A change, while the registry is read-only."""


class DeleteDisabled(Unsupported, summary="deleting is disabled (storage.delete.enabled)"):
    """A delete, where the configuration switches deleting off."""


class TooManyRequests(RegistryError, summary="too many requests"):
    """A client that asks for more than it may at once, and may try again after `wait` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        self.wait = wait
        super().__init__(message)


class Unavailable(RegistryError, summary="service unavailable"):
    """A registry that cannot answer now; trying again later may help."""


class StorageFull(
    RegistryError,
    summary="the registry's storage is full; pulls work, pushes must wait until there is space",
):
    """Storage without space left; what is stored can be pulled."""

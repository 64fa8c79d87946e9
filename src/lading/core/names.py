"""Names that clients give things: repositories, tags, uploads.

The grammars are the distribution specification's ("Pulling manifests"). A name that could not be
parsed cannot be held: each class is a `str` that was checked when it was made.
"""

import re
from typing import TYPE_CHECKING, Self

from lading.core.digest import Digest
from lading.core.errors import ManifestUnknown, NameInvalid, TagInvalid, UploadUnknown

if TYPE_CHECKING:
    from uuid import UUID

# "Many clients impose a limit of 255 characters on the length of the concatenation of the registry
# hostname (and optional port), `/`, and `<name>` value." (distribution-spec)
MAX_NAME_LENGTH = 255

# Nothing in it can be read in two ways, so nothing is tried again.
_COMPONENT = r"[a-z0-9]++(?:(?:\.|__?+|-++)[a-z0-9]++)*+"
_PART = re.compile(_COMPONENT, re.ASCII)
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UPLOAD = re.compile(_UUID, re.ASCII)
_UPLOAD_KEY = re.compile(f"{_UUID}-[0-9a-f]{{32}}", re.ASCII)


class RepositoryName(str):
    """A validated repository name, such as `library/hello-world`; any other is `NameInvalid`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if len(text) > MAX_NAME_LENGTH:
            raise NameInvalid(
                f"repository names have at most {MAX_NAME_LENGTH} characters", {"name": text[:256]}
            )
        if _NAME.fullmatch(text) is None:
            raise NameInvalid(
                "repository names are lower-case letters and digits, separated by"
                " `.`, `_`, `__`, `-` or `/`",
                {"name": text},
            )
        return str.__new__(cls, text)


def is_component(text: str) -> bool:
    """Whether the text can be one part of a repository name, as `team` in `team/app`."""
    return len(text) <= MAX_NAME_LENGTH and _PART.fullmatch(text) is not None


class Tag(str):
    """A validated tag, such as `latest`; any other is `TagInvalid`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if _TAG.fullmatch(text) is None:
            raise TagInvalid(
                "tags are up to 128 letters, digits, `_`, `.` and `-`,"
                " and do not start with `.` or `-`",
                {"tag": text[:256]},
            )
        return str.__new__(cls, text)


class Owner(str):
    """The owner of what was begun and waits, as an upload: twelve hexadecimal digits.

    By these is counted what one has, and each has a turn.
    """

    __slots__ = ()

    @classmethod
    def of(cls, caller: str) -> Self:
        """The owner of what a caller begins."""
        return cls(Digest.of(caller.encode()).hex[:12])

    @classmethod
    def known_by(cls, name: str, client: str) -> Self:
        """The owner who has a name, or else whoever comes from that address."""
        return cls.of(f"user {name}" if name else f"client {client}")


class UploadId(str):
    """The name of one upload: a UUID in lower case, of which the last part is its owner.

    Raises:
        UploadUnknown: the text is no such name, so no upload has it.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if _UPLOAD.fullmatch(text) is None:
            raise UploadUnknown("", {"upload": text[:64]})
        return str.__new__(cls, text)

    @classmethod
    def of(cls, uuid: "UUID", owner: Owner | None = None) -> Self:
        """The name made of a UUID."""
        return cls(str(uuid) if owner is None else f"{str(uuid)[:24]}{owner}")


class UploadKey(str):
    """The key of an upload: its id, and which repository it belongs to.

    The repository is in it as a hash, since its name may be longer than that of a file. So whoever
    knows the id of an upload can only go on with it in its own repository.

    Raises:
        UploadUnknown: the text is no such key, so no upload has it.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if _UPLOAD_KEY.fullmatch(text) is None:
            raise UploadUnknown("", {"upload": text[:64]})
        return str.__new__(cls, text)

    @classmethod
    def of(cls, repository: RepositoryName, upload: UploadId) -> Self:
        """The key of an upload to a repository."""
        return str.__new__(cls, f"{upload}-{Digest.of(repository.encode()).hex[:32]}")

    @property
    def id(self) -> str:
        """The upload's name, as its client knows it."""
        return self[:36]

    @property
    def owner(self) -> Owner:
        """The owner of the upload: who began it."""
        return Owner(self[24:36])


Reference = Tag | Digest
"""What a manifest is asked for by."""


def parse_reference(text: str) -> Reference:
    """The reference in a text: a digest if a colon is in it (no tag can have one), else a tag.

    Raises:
        DigestInvalid, TagInvalid: it is neither.
    """
    return Digest(text) if ":" in text else Tag(text)


def split_reference(text: str) -> tuple[RepositoryName, Reference | None]:
    """The parts of `app`, which names no manifest, of `app:1` and of `app@sha256:…`.

    Raises:
        DigestInvalid, NameInvalid, TagInvalid: one of them is none.
    """
    name, at, digest = text.partition("@")
    if at:
        return RepositoryName(name), Digest(digest)
    name, colon, tag = text.partition(":")
    return RepositoryName(name), Tag(tag) if colon else None


def parse_wanted(text: str) -> Reference:
    """The reference of a manifest that is looked for: what no tag can be called is not there.

    Raises:
        DigestInvalid: it is meant to be a digest, and is none.
        ManifestUnknown: it is neither that nor a tag.
    """
    try:
        return parse_reference(text)
    except TagInvalid as error:
        raise ManifestUnknown("", {"reference": text[:256]}) from error


# "Set the `<tag>` to `<alg>-<ref>`" with "`<ref>` … truncated to 64 characters" (Referrers Tag
# Schema): the index of referrers. cosign puts an ending behind it.
_ENDINGS = ("", ".sig", ".att", ".sbom")
_ATTACHMENT = re.compile(r"(sha256|sha512)-([0-9a-f]{64})(|\.sig|\.att|\.sbom)", re.ASCII)


def attachments_of(digest: Digest) -> tuple[Tag, ...]:
    """The tags of a manifest's attachments: what clients keep beside an image.

    cosign keeps signatures, attestations and SBOMs so; where a registry cannot list referrers,
    clients keep an index of them so (distribution-spec, Referrers Tag Schema).
    """
    name = f"{digest.algorithm}-{digest.hex[:64]}"
    return tuple([str.__new__(Tag, name + ending) for ending in _ENDINGS])


def subject_of(tag: Tag) -> str:
    """The digest of the manifest that an attachment belongs to, of sha512 its beginning."""
    match = _ATTACHMENT.fullmatch(tag)
    return "" if match is None else f"{match[1]}:{match[2]}"


def is_of_cosign(tag: Tag) -> bool:
    """Whether an attachment's tag is one that only cosign gives."""
    return tag.endswith(_ENDINGS[1:])

"""Damage: what a check or an adoption finds to be wrong, in words.

What people read and what programs get speak of the same values; each says what is wrong, what was
done about it, and what is left for a person to do.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of damage."""

    DATABASE = "database"
    BYTES_MISSING = "bytes-missing"
    BYTES_WRONG = "bytes-wrong"
    BYTES_UNKNOWN = "bytes-unknown"
    MANIFEST_WRONG = "manifest-wrong"
    CHILD_MISSING = "child-missing"
    CHILD_UNRECORDED = "child-unrecorded"
    TAG_DANGLING = "tag-dangling"
    RIGHT_DENIED = "right-denied"
    # Of what another registry left on its disk.
    NAME_REFUSED = "name-refused"
    LINK_WRONG = "link-wrong"
    LINK_MISSING = "link-missing"
    LINK_DANGLING = "link-dangling"
    MANIFEST_REFUSED = "manifest-refused"
    SCHEMA_1 = "schema-1"
    TAG_REFUSED = "tag-refused"
    TAG_NEWER_HERE = "tag-newer-here"
    HISTORY_GONE = "history-gone"
    HISTORY_CUT = "history-cut"
    SIZE_WRONG = "size-wrong"
    TIMES_UNKNOWN = "times-unknown"
    UPLOADS_LEFT = "uploads-left"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a check: something that is wrong.

    Attributes:
        subject: what it concerns: a digest, `repository@digest` or `repository:tag`.
        explanation: a sentence for a person: what is wrong.
        advice: a sentence for a person: what to do; empty if there is nothing left to do.
        mended: a sentence for a person: what was done about it; empty if nothing was.
    """

    kind: Kind
    subject: str
    explanation: str
    advice: str = ""
    mended: str = ""

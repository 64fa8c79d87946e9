"""Damage: what a check finds to be wrong, in words.

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

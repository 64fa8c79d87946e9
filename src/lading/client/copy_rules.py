"""Rules of copies, what comes of them, and who is told of their steps."""

from typing import NamedTuple


class CopyRules(NamedTuple):
    """The rules of a copy: what is copied of an image.

    Attributes:
        platforms: such as `linux/arm64`; all if there are none. One of an index is copied as what
            it is, several as a new index of these.
        referrers: whether what is about it comes along: signatures, SBOMs.
        again: whether to look at all of an image whose digest is at the target already.
    """

    platforms: tuple[str, ...] = ()
    referrers: bool = True
    again: bool = False


class CopiedImage(NamedTuple):
    """An image that was copied: its digest at the target, and whether anything had to be done."""

    digest: str
    copied: bool


class CopySteps:
    """Observer of copies, called from many threads; this one does nothing."""

    def begin(self, digest: str, size: int) -> None:
        """A blob of so many bytes is going to be brought."""

    def advance(self, digest: str, count: int) -> None:
        """Bytes of a blob have gone; negative ones are to be sent again."""

    def end(self, digest: str, sent: bool) -> None:
        """A blob is there; `sent` unless it was there before or was mounted."""

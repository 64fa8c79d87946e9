"""Downloads of blobs: in pieces, their digest verified, continued when the connection is cut."""

from collections.abc import Iterator

from lading.client.answers import dismiss
from lading.client.errors import ContentWrong, NoAnswer, Unreachable
from lading.client.places import verified
from lading.client.session import HostSession

_PIECE = 256 * 1024
_MOST_CUTS = 5


class Download:
    """A download of a blob from its place at a host."""

    def __init__(self, session: HostSession, place: str, scopes: tuple[str, ...]) -> None:
        self._session = session
        self._place = place
        self._scopes = scopes
        self._named = f"{session.base}{place}"

    def pieces(self, digest: str, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of the blob from an offset on, all of them if `length` is negative.

        Raises:
            ContentWrong: all bytes came, and they do not have the digest.
            ClientError: the registry refuses it, or the connection is cut again and again.
        """
        pieces = self._continued(offset, length)
        if offset or length >= 0:
            return pieces
        wrong = ContentWrong(
            f"{self._named}: the bytes do not have this digest",
            advice="something between changes what it carries, or the registry is damaged",
        )
        return verified(pieces, digest, wrong)

    def _continued(self, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of as many answers as it takes, each from where the one before was cut off."""
        done, cuts = 0, 0
        while length < 0 or done < length:
            before = done
            try:
                for piece in self._part(offset + done, length - done, is_cut=cuts > 0):
                    if done == length:
                        return
                    taken = piece if length < 0 else piece[: length - done]
                    done += len(taken)
                    yield taken
                if length < 0:
                    return
                problem: OSError = NoAnswer("it has fewer bytes than were asked for")
            except OSError as error:
                problem = error
            cuts = cuts + 1 if done == before else 1
            if cuts >= _MOST_CUTS:
                raise Unreachable(
                    f"{self._named} is cut off after {offset + done} bytes: {problem}",
                    advice="a proxy between may bound the time or the size of an answer",
                ) from problem

    def _part(self, start: int, length: int, *, is_cut: bool) -> Iterator[bytes]:
        """The bytes of one answer, which may be all even if a part was asked for.

        Args:
            is_cut: whether answers are cut off here: then bytes count as they come, in small
                pieces, of which none is lost with the end of the connection.
        """
        headers = {}
        if start or length >= 0:
            headers["Range"] = f"bytes={start}-{start + length - 1 if length >= 0 else ''}"
        # 416: it was cut off after its last byte.
        expect = (200, 206, 416) if start else (200, 206)
        answer = self._session.request(
            "GET", self._place, scopes=self._scopes, headers=headers, expect=expect
        )
        if answer.status == 416:
            dismiss(answer)
            return
        skip = start if answer.status == 200 else 0
        try:
            pieces = iter(lambda: answer.read1(_PIECE), b"") if is_cut else answer.stream(_PIECE)
            for piece in pieces:
                if skip >= len(piece):
                    skip -= len(piece)
                    continue
                yield piece[skip:]
                skip = 0
        finally:
            answer.close()

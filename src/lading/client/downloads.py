"""Downloads of blobs: in pieces, their digest verified, continued when the connection is cut."""

from collections.abc import Iterator

from lading.client.answers import dismiss
from lading.client.errors import ContentWrong, NoAnswer, Unreachable, no_answer
from lading.client.session import HostSession
from lading.core.digest import Digest, new_hasher

_PIECE = 256 * 1024
_MOST_CUTS = 5


def download(
    session: HostSession,
    place: str,
    scopes: tuple[str, ...],
    digest: str,
    offset: int,
    length: int,
) -> Iterator[bytes]:
    """The bytes of a blob from an offset on, all of them if `length` is negative.

    Raises:
        ContentWrong: all bytes came, and they do not have the digest.
        ClientError: the registry refuses it, or the connection is cut again and again.
    """
    pieces = _continued(session, place, scopes, offset, length)
    if offset or length >= 0:
        return pieces
    return _verified(pieces, Digest(digest), f"{session.base}{place}")


def _verified(pieces: Iterator[bytes], digest: Digest, where: str) -> Iterator[bytes]:
    """All bytes of a blob; behind the last one an error, unless they have its digest."""
    hasher = new_hasher(digest.algorithm)
    for piece in pieces:
        hasher.update(piece)
        yield piece
    if hasher.hexdigest() != digest.hex:
        raise ContentWrong(
            f"{where}: the bytes do not have this digest",
            advice="something between changes what it carries, or the registry is damaged",
        )


def _continued(
    session: HostSession, place: str, scopes: tuple[str, ...], offset: int, length: int
) -> Iterator[bytes]:
    """The bytes of as many answers as it takes, each from where the one before was cut off."""
    done, cuts = 0, 0
    while length < 0 or done < length:
        before = done
        try:
            start, left = offset + done, length - done
            for piece in _part(session, place, scopes, start, left, is_cut=cuts > 0):
                if done == length:
                    return
                taken = piece if length < 0 else piece[: length - done]
                done += len(taken)
                yield taken
            if length < 0:
                return
            problem: Exception = NoAnswer("it has fewer bytes than were asked for")
        except no_answer() as error:
            problem = error
        cuts = cuts + 1 if done == before else 1
        if cuts >= _MOST_CUTS:
            raise Unreachable(
                f"{session.base}{place} is cut off after {offset + done} bytes: {problem}",
                advice="a proxy between may bound the time or the size of an answer",
            ) from problem


def _part(
    session: HostSession,
    place: str,
    scopes: tuple[str, ...],
    start: int,
    length: int,
    *,
    is_cut: bool,
) -> Iterator[bytes]:
    """The bytes of one answer, which may be all even if a part was asked for.

    Args:
        is_cut: whether answers are cut off here: then bytes count as they come, in small pieces, of
            which none is lost with the end of the connection.
    """
    headers = {}
    if start or length >= 0:
        headers["Range"] = f"bytes={start}-{start + length - 1 if length >= 0 else ''}"
    # 416: it was cut off after its last byte.
    expect = (200, 206, 416) if start else (200, 206)
    answer = session.request("GET", place, scopes=scopes, headers=headers, expect=expect)
    if answer.status == 416:
        dismiss(answer)
        return
    skip = start if answer.status == 200 else 0
    finished = False
    try:
        pieces = iter(lambda: answer.read1(_PIECE), b"") if is_cut else answer.stream(_PIECE)
        for piece in pieces:
            if skip >= len(piece):
                skip -= len(piece)
                continue
            yield piece[skip:]
            skip = 0
        finished = True
    finally:
        # What is not read to its end is no connection for another request.
        if finished:
            answer.release_conn()
        else:
            answer.close()

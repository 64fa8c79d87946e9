"""The inside of an image: its files, and what each layer does to those below it."""

import stat
from codecs import utf_8_decode
from contextlib import aclosing
from urllib.parse import quote

from lading.archives.process import ReadingFailed
from lading.core.digest import Digest
from lading.core.errors import BlobUnknown, PageInvalid, Unavailable
from lading.core.images import tree
from lading.core.images.tree import EntryKind, is_possible, split
from lading.edge.limits import client_of
from lading.edge.response import Response, StreamBody
from lading.services.shown import directories, trees
from lading.services.shown.trees import Inside, Reader, Shown
from lading.ui.context import Visit
from lading.ui.errors import FileUnknown
from lading.ui.rendering import page

ON_A_PAGE = 200
MOST_SHOWN = 256 * 1024
"""Bytes of a file that are shown as text."""
# Bytes of a file that are read before any of them leaves: few files of layers can be read at once,
# and so no client that takes its time keeps others from that. Larger ones have turns of their own.
_MOST_AT_ONCE = 1024 * 1024
# Signs of what is looked for: of a longer pattern each sign costs as much as all names.
_MOST_WORDS = 128
# Seconds after which a page is loaded again whose files are still being found.
AGAIN = "2"

_TYPES = {
    EntryKind.DIRECTORY: stat.S_IFDIR,
    EntryKind.SYMLINK: stat.S_IFLNK,
    EntryKind.DEVICE: stat.S_IFCHR,
    EntryKind.PIPE: stat.S_IFIFO,
}
_OF_DOWNLOADS = {
    "Content-Type": "application/octet-stream",
    # Whatever it is, and however it came to be opened: it can do nothing here.
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


async def show_image(visit: Visit) -> Response:
    """A directory of an image as a container sees it."""
    path = path_in(visit)
    return await _show(visit, await _look(visit), path, None)


async def show_layer(visit: Visit) -> Response:
    """A directory of one layer, with what the layer does to those below."""
    path, inside = path_in(visit), await _look(visit)
    return await _show(visit, inside, path, _number(visit, inside))


async def show_file(visit: Visit) -> Response:
    """The beginning of a file of a layer, if it is text."""
    inside = await _look(visit)
    number = _number(visit, inside)
    shown = await _find(visit, inside, number)
    reader = Reader(visit.client, MOST_SHOWN)
    pieces = await trees.read_file(visit.registry, visit.grant, inside, shown, reader)
    data, failed = b"", ""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                data += piece
    except (ReadingFailed, OSError) as error:
        failed = f"Not all of it could be read: {error}"
    return page(
        visit,
        "file.html",
        digest=visit.argument,
        number=number + 1,
        entry=shown.entry,
        parents=_parents(split(shown.entry.path)[0]),
        text=text_of(data, is_whole=len(data) == shown.entry.size),
        is_whole=len(data) == shown.entry.size,
        failed=failed,
    )


async def download(visit: Visit) -> Response:
    """The bytes of a file of a layer."""
    inside = await _look(visit)
    shown = await _find(visit, inside, _number(visit, inside))
    entry = shown.entry
    name = quote(entry.name.replace("\\", "_"), safe="")
    headers = {**_OF_DOWNLOADS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    if not entry.size:
        return Response(200, headers)
    reader = Reader(visit.client, entry.size, waits=entry.size > _MOST_AT_ONCE)
    pieces = await trees.read_file(visit.registry, visit.grant, inside, shown, reader)
    if reader.waits or visit.request.method == "HEAD":
        return Response(200, headers, StreamBody(pieces))
    try:
        async with aclosing(pieces):
            return Response(200, headers, b"".join([piece async for piece in pieces]))
    except (ReadingFailed, OSError) as error:
        raise Unavailable(f"it could not be read: {error}") from error


def text_of(data: bytes, *, is_whole: bool) -> str | None:
    """Bytes as text, or `None` if they are none.

    Args:
        is_whole: whether they are all; if not, they may end within a letter.
    """
    if b"\x00" in data:
        return None
    try:
        return utf_8_decode(data, "strict", is_whole)[0]
    except UnicodeDecodeError:
        return None


def path_in(visit: Visit) -> str:
    """The path that a page is asked for, without slashes around it; empty for the root.

    Raises:
        PageInvalid: nothing can have it; to look for it would cost more the deeper it is.
    """
    path = visit.asked("path").strip("/")
    if not is_possible(path):
        raise PageInvalid("nothing in an image is as deep, or has as long a path")
    return path


def mode_of(shown: Shown) -> str:
    """The kind and the permissions of an entry, as `ls` writes them; empty if not known."""
    entry = shown.entry
    if entry.is_implied or entry.is_mark:
        return ""
    return stat.filemode(_TYPES.get(entry.kind, stat.S_IFREG) | entry.mode)


async def _look(visit: Visit) -> Inside:
    digest, asking = Digest(visit.argument), not visit.is_read_only
    client = client_of(visit.request.address)
    return await trees.look(visit.registry, visit.grant, digest, client=client, asking=asking)


async def _show(visit: Visit, inside: Inside, path: str, number: int | None) -> Response:
    after = visit.asked("after")
    words = visit.asked("q")[:_MOST_WORDS]
    can_ask = not visit.is_read_only
    sums = await trees.sums(visit.registry, inside, asking=can_ask)
    listed = await (
        directories.list_image(visit.registry, inside, path, after=after, most=ON_A_PAGE)
        if number is None
        else directories.list_layer(
            visit.registry, inside, number, path, after=after, most=ON_A_PAGE
        )
    )
    has_files = any(looked.has_files for looked in inside.layers)
    is_waiting = inside.is_waiting or (sums is None and has_files)
    waits_for_writing = is_waiting and not can_ask
    response = page(
        visit,
        "inside.html",
        digest=visit.argument,
        inside=inside,
        number=None if number is None else number + 1,
        path=path,
        parents=_parents(path),
        listed=listed,
        after=after,
        words=words,
        found=await trees.search(visit.registry, inside, words, number, most=ON_A_PAGE)
        if words
        else [],
        searched=trees.MOST_LOOKED_AT,
        sums=sums,
        is_waiting=is_waiting,
        waits_for_writing=waits_for_writing,
        mode_of=mode_of,
    )
    if is_waiting and not waits_for_writing:
        response.headers = {**response.headers, "Refresh": AGAIN}
    return response


def _parents(path: str) -> list[tuple[str, str]]:
    """The directories that lead to a path, each with its name."""
    return [(split(directory)[1], directory) for directory in tree.directories(path)]


def _number(visit: Visit, inside: Inside) -> int:
    """The number of the layer that the path names, from 0 for the lowest.

    Raises:
        BlobUnknown: the image has not so many.
    """
    number = int(visit.detail)
    if number > len(inside.layers):
        raise BlobUnknown(f"the image has {len(inside.layers)} layers, and none is number {number}")
    return number - 1


async def _find(visit: Visit, inside: Inside, number: int) -> Shown:
    path = path_in(visit)
    shown = await directories.find_entry(visit.registry, inside, path, number) if path else None
    if shown is None or shown.entry.kind is not EntryKind.FILE:
        raise FileUnknown("The layer has no such file, or it is not known yet.")
    return shown

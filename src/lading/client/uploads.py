"""Uploads of blobs: mounted, as a whole, or in chunks, continued where the server has got to.

A blob is sent as a whole first. After 413, or when the connection is cut, something before the
registry bounds a request: then in chunks, which become larger when the registry says that these are
too many (429). What was learned holds for all later uploads to the same registry.
"""

import contextlib
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from lading.client.answers import TAKEN, address, dismiss
from lading.client.errors import ClientError, NotThere, Unreachable
from lading.client.kept_connections import HostAnswer
from lading.client.kept_uploads import LEAST_CHUNK, ChunkSizes, KeptUploads
from lading.client.places import BlobContent
from lading.client.sending import MOST_WAIT
from lading.client.session import HostSession

# Uploads of what is smaller are not worth a file and a question.
_LEAST_KEPT = 16 * 1024 * 1024
_MOST_FAILURES = 6
# Where a registry does not mount, or may not read the other repository for who asks, instead of
# beginning an upload as the specification wants it (distribution-spec, "Mounting a blob").
_NO_MOUNT = frozenset({400, 401, 403, 404, 405, 501})
# Where a registry, or what is before it, takes no blob with the request that begins its upload:
# the specification has it answer 202 then.
_NOT_AT_ONCE = frozenset({400, 405, 411, 415, 501})
_RANGE = r"(?:bytes=)?(\d{1,18})-(\d{1,18})"
_OCTETS = "application/octet-stream"


class Upload:
    """One upload of a blob to the repository of a path, `/v2/app`."""

    def __init__(
        self,
        session: HostSession,
        path: str,
        scopes: tuple[str, ...],
        chunks: ChunkSizes,
        kept: KeptUploads,
        content: BlobContent,
    ) -> None:
        self._session = session
        self._path = path
        self._scopes = scopes
        self._chunks = chunks
        self._kept = kept
        self._content = content
        self._name = f"{session.registry}{path}@{content.digest}"
        self._place = ""
        self._offset = 0
        self._is_mounted = False

    def push(self) -> bool:
        """Bring the blob; whether bytes had to go for it. A `ClientError` is after many tries."""
        if not self._go_on_with_kept() and self._begin():
            return not self._is_mounted
        failures = 0
        while True:
            before = self._offset
            try:
                self._send()
            except ClientError as error:
                failures = 1 if self._offset > before else failures + 1
                if failures >= _MOST_FAILURES or not self._is_curable(error):
                    raise
                pause = min(0.25 * 2 ** (failures - 1), 10) * random.uniform(0.5, 1.5)  # noqa: S311
                self._session.wait(max(error.wait_seconds, pause), str(error.status or error))
                if self._recover():
                    return not self._is_mounted
            else:
                self._kept.forget(self._name)
                return True

    def _begin(self) -> bool:
        """Start the upload; whether that was all that there is to do."""
        begun = self._mount() if self._content.mount_from else None
        if begun is not None:
            self._is_mounted = begun.status == 201
            return self._is_mounted
        if self._chunks.takes_at_once(self._content.size):
            try:
                return self._send_at_once()
            except ClientError as error:
                if error.status in _NOT_AT_ONCE:
                    self._chunks.one_request = False
                elif error.status != 413 or not self._is_curable(error):
                    raise
        self._post("")
        self._keep()
        return False

    def _mount(self) -> HostAnswer | None:
        """Ask for a mount, which may begin an upload instead; `None` where that is refused."""
        query = f"?mount={self._content.digest}&from={self._content.mount_from}"
        source = f"repository:{self._content.mount_from}:pull"
        try:
            return self._post(query, source)
        except ClientError as error:
            if error.status not in _NO_MOUNT:
                raise
            return None

    def _send_at_once(self) -> bool:
        """Send a blob with the request that begins its upload; whether the registry took it so."""
        size = self._content.size
        answer = self._post(f"?digest={self._content.digest}", length=size)
        taken = answer.status == 201
        self._chunks.one_request = taken
        if taken:
            self._content.moved(size)
        return taken

    def _post(self, query: str, *sources: str, length: int = 0) -> HostAnswer:
        """Ask for an upload, with so many bytes of it."""
        answer = self._session.request(
            "POST",
            f"{self._path}/blobs/uploads/{query}",
            scopes=(*self._scopes, *sources),
            headers={"Content-Length": str(length), "Content-Type": _OCTETS},
            body=partial(self._content.read, 0, length) if length else b"",
            expect=(201, 202),
        )
        dismiss(answer)
        self._offset = 0
        if answer.status == 202:
            self._keep_place(answer, f"{self._session.base}{self._path}/blobs/uploads/")
        return answer

    def _keep(self) -> None:
        if self._content.size >= _LEAST_KEPT:
            self._kept.keep(self._name, self._place)

    def _go_on_with_kept(self) -> bool:
        """Go on with the upload that another run has begun, if the registry still has it."""
        place = self._kept.place(self._name) if self._content.size >= _LEAST_KEPT else ""
        if not place:
            return False
        self._place = place
        with contextlib.suppress(ClientError):
            self._ask_offset()
        if 0 < self._offset <= self._content.size:
            return True
        self._content.moved(-self._offset)
        self._kept.forget(self._name)
        self._place, self._offset = "", 0
        return False

    def _send(self) -> None:
        while self._chunks.size and self._content.size - self._offset > self._chunks.size:
            self._patch(self._chunks.size)
        if not self._offset:
            self._finish(self._content.size)
            return
        if self._offset < self._content.size:
            self._patch(self._content.size - self._offset)
        self._finish(0)

    def _patch(self, length: int) -> None:
        start = self._offset
        part = {"Content-Range": f"{start}-{start + length - 1}"}
        answer = self._request("PATCH", self._place, part, length, (202, 204))
        self._keep_place(answer, self._place)
        self._offset = start + length
        # Distribution's addresses have the offset within and are good for no other.
        self._keep()

    def _finish(self, length: int) -> None:
        joint = "&" if "?" in self._place else "?"
        url = f"{self._place}{joint}digest={self._content.digest}"
        self._request("PUT", url, {}, length, TAKEN)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], length: int, expect: Iterable[int]
    ) -> HostAnswer:
        start, moved = self._offset, 0

        def body() -> Iterator[bytes]:
            nonlocal moved
            self._content.moved(-moved)
            moved = 0
            for piece in self._content.read(start, length):
                yield piece
                moved += len(piece)
                self._content.moved(len(piece))

        try:
            answer = self._session.request(
                method,
                url,
                scopes=self._scopes,
                headers={"Content-Type": _OCTETS, "Content-Length": str(length), **headers},
                body=body if length else b"",
                expect=expect,
                again=False,
            )
        except ClientError:
            self._content.moved(-moved)
            raise
        dismiss(answer)
        return answer

    def _is_curable(self, error: ClientError) -> bool:
        """Whether it may help to send the rest otherwise; learns from the failure."""
        if error.wait_seconds > MOST_WAIT:
            return False
        if error.status == 413:
            at_least = self._chunks.size == LEAST_CHUNK or self._content.size <= LEAST_CHUNK
            self._chunks.shrink(refused=True)
            return not at_least
        if isinstance(error, Unreachable):
            self._chunks.shrink(refused=False)
            return True
        if error.status == 429:
            self._chunks.grow()
            return True
        return error.status in {404, 408, 416, 500, 502, 503, 504}

    def _recover(self) -> bool:
        """Ask how far the server has got, or begin anew; whether that was all there is to do."""
        try:
            self._ask_offset()
        except NotThere:
            self._content.moved(-self._offset)
            self._place = ""
            return self._begin()
        return False

    def _ask_offset(self) -> None:
        """Ask how far the server has got."""
        answer = self._session.request("GET", self._place, scopes=self._scopes, expect=(204, 200))
        dismiss(answer)
        self._keep_place(answer, self._place)
        match = re.fullmatch(_RANGE, answer.headers.get("range"))
        end = int(match[2]) + 1 if match else 0
        # "0-0" is one byte, or none: older registries say so of an upload that has nothing.
        offset = 0 if end == 1 else end
        self._content.moved(offset - self._offset)
        self._offset = offset

    def _keep_place(self, answer: HostAnswer, base: str) -> None:
        location = answer.headers.get("location")
        if location:
            self._place = address(base, location)
        elif not self._place:
            raise ClientError(
                f"{base}: the registry begins an upload without saying where (Location)",
                advice="mend the proxy before it, which has to let this header through",
            )

"""Bytes that a sync did not bring to the disk are not taken for good by the next one.

The kernel reports that once; what it could not write counts as written from then on, and is gone
when it leaves memory. So the next sync succeeds, and says nothing.
"""

import errno
import os
from pathlib import Path
from stat import S_ISREG

import pytest

from lading.blobs.stores import Stores
from lading.core.digest import Digest
from lading.core.errors import StorageFull, Unavailable, UploadUnknown
from lading.services import push_blob
from lading.services.chunks import Chunk
from tests.support.contents import HELLO
from tests.support.people import People, pieces
from tests.support.rows import open_metadata


@pytest.mark.parametrize("error", [errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_an_upload_whose_bytes_may_be_lost_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, error: int
) -> None:
    people = People(open_metadata(tmp_path / "db"), Stores.in_files(tmp_path / "data"))
    data = bytes(size)
    grant = people.may(HELLO)
    upload = await push_blob.start(people.registry, grant)
    await push_blob.append(people.registry, grant, upload, Chunk(pieces(data)))

    async def commit() -> None:
        await push_blob.commit(
            people.registry,
            grant,
            upload,
            Digest.of(data),
            Chunk(pieces(b"")),
            change=people.change(),
        )

    with monkeypatch.context() as broken:

        def fail(descriptor: int) -> None:
            if S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(error, os.strerror(error))

        broken.setattr(os, "fsync", fail)
        with pytest.raises((Unavailable, StorageFull)):
            await commit()
    with pytest.raises(UploadUnknown):  # or its client would be told that it is stored
        await commit()
    assert await people.stored() == set()
    assert await people.push_blob(data) in await people.stored()
    people.stores.close()
    await people.metadata.close()

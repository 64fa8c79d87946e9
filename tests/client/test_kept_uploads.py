"""An upload that a run has begun is gone on with by the next one, where the registry has got to."""

import os
import time
from pathlib import Path

import pytest

from lading.client import BlobContent, Client, ClientError, SessionOptions
from lading.client.kept_uploads import KeptUploads
from lading.core.digest import Digest
from lading.testing import Registry

MIB = 1024 * 1024


def test_an_address_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    kept = KeptUploads(tmp_path / "uploads")
    kept.keep("a", "http://host/1")
    kept.keep("a", "http://host/2")
    kept.keep("b", "http://host/3")

    assert (kept.place("a"), kept.place("b"), kept.place("c")) == (
        "http://host/2",
        "http://host/3",
        "",
    )
    kept.forget("a")
    kept.forget("a")
    assert kept.place("a") == ""


def test_nobody_else_reads_them_and_old_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    kept = KeptUploads(folder)
    kept.keep("a", "http://host/1")
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0
    long_ago = time.time() - 8 * 86400
    os.utime(file, (long_ago, long_ago))
    kept.keep("b", "http://host/2")

    assert kept.place("a") == ""
    assert len(list(folder.iterdir())) == 1


def test_one_that_goes_meanwhile_keeps_no_other_from_being_kept(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere")
    kept = KeptUploads(tmp_path)
    kept.keep("a", "http://host/1")

    assert kept.place("a") == "http://host/1"


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    kept = KeptUploads(file / "uploads")
    kept.keep("a", "http://host/1")
    kept.forget("a")

    assert kept.place("a") == ""


def test_another_run_sends_what_the_registry_does_not_have_yet(tmp_path: Path) -> None:
    data = os.urandom(20 * MIB)
    digest = Digest.of(data)
    reads: list[int] = []

    def content(until: int) -> BlobContent:
        def read(offset: int, length: int) -> list[bytes]:
            reads.append(offset)
            if offset + length > until:
                raise ClientError("this run ends")
            return [data[offset : offset + length]]

        return BlobContent(digest, len(data), read)

    options = SessionOptions(kept_uploads=tmp_path)
    with Registry() as registry:
        with Client(registry.host, options=options) as first:
            first._chunks.size = 8 * MIB
            with pytest.raises(ClientError, match="this run ends"):
                first.repository("app").push_blob(content(until=17 * MIB))
        reads.clear()
        with Client(registry.host, options=options) as second:
            assert second.repository("app").push_blob(content(until=len(data)))
            assert b"".join(second.blob("app", digest)) == data

    assert min(reads) == 16 * MIB
    assert list(tmp_path.iterdir()) == []


def test_what_the_registry_has_forgotten_begins_anew(tmp_path: Path) -> None:
    data = os.urandom(16 * MIB)
    content = BlobContent(Digest.of(data), len(data), lambda o, n: [data[o : o + n]])
    with Registry() as registry:
        name = f"{registry.host}/v2/app@{content.digest}"
        KeptUploads(tmp_path).keep(name, f"{registry.url}/v2/app/blobs/uploads/gone")
        with Client(registry.host, options=SessionOptions(kept_uploads=tmp_path)) as client:
            assert client.repository("app").push_blob(content)
            assert client.repository("app").has_blob(content.digest)

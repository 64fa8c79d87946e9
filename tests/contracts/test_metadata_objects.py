"""Rows of objects, whatever becomes of connections and locks meanwhile."""

from lading.core.digest import Digest
from lading.metadata.metadata import Metadata
from tests.support.objects import commit_objects, progress, take
from tests.support.rows import add


async def test_objects_of_a_blob_that_is_in_a_repository_are_not_unused(
    metadata: Metadata,
) -> None:
    """A collector that has lost its lock may come to the bytes when they were pushed again."""
    (digest,) = await add(metadata, b"hello")
    await commit_objects(metadata, digest, "pushed again")
    await metadata.objects.unuse([digest], 2.0)
    assert await metadata.objects.unused(before=2.0, limit=1) == []
    assert len(await metadata.objects.find(digest)) == 1


async def test_what_came_is_written_down_twice_if_nobody_knows_whether_it_was(
    metadata: Metadata,
) -> None:
    """As when the answer to a commit is lost: the request says it again as it ends."""
    digest = Digest.of(b"hello")
    upload, generation = await take(metadata, "key")
    await metadata.uploads.save(upload, generation, progress("key", writing="next"))
    await metadata.uploads.save(upload, generation, progress("key"))
    assert await metadata.uploads.size(upload) == 5
    await metadata.uploads.take(upload, generation=7, writing="last", now=2.0, until=12.0)
    await metadata.uploads.commit(upload, 7, progress("key"), digest)
    assert [segment.key for segment in await metadata.objects.find(digest)] == ["key"]

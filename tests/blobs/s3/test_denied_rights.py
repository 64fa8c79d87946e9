"""What a key may not do in a bucket: all else is done, and what it lacks is named."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lading.blobs.s3.access_keys import AccessKeys
from lading.blobs.s3.bucket import S3Bucket
from lading.blobs.s3.signed_requests import SignedRequests
from lading.blobs.s3.unused_objects import REFUSED
from lading.ports.objects import READING, StoredObject
from tests.support.commands import SEARCH_PATH
from tests.support.contents import fetch, store
from tests.support.object_places import Clock, OpenPlace, PlaceInS3
from tests.support.s3 import ACCESS_KEY, S3, SECRET_KEY, SERVER, running_s3, unfinished

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(SERVER != "versitygw", reason="makes a user of versitygw"),
]

LIMITED = "limited"
RIGHTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server with a user who may do what policies say."""
    users = tmp_path_factory.mktemp("users")
    with running_s3("--iam-dir", str(users)) as s3:
        program = shutil.which("versitygw", path=f"{SEARCH_PATH}:{Path.home() / 'go/bin'}")
        assert program is not None
        asked = ["--access", ACCESS_KEY, "--secret", SECRET_KEY]
        where = ["--endpoint-url", f"http://127.0.0.1:{s3.port}"]
        user = ["--access", LIMITED, "--secret", SECRET_KEY, "--role", "user"]
        subprocess.run(
            [program, "admin", *asked, *where, "create-user", *user], check=True, timeout=60
        )
        yield s3


@pytest.fixture
def s3(server: S3) -> S3:
    fresh = server.fresh()
    deny(fresh)
    return replace(fresh, bucket=replace(fresh.bucket, access_key=LIMITED))


def deny(s3: S3, *rights: str, key: str = "*") -> None:
    """Allow the user all but some rights, be it for one key alone."""
    bucket = replace(s3.bucket, access_key=ACCESS_KEY)
    everything = [f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"]
    denied = [f"arn:aws:s3:::{bucket.name}/{key}"] if key != "*" else everything
    who = {"Principal": {"AWS": [LIMITED]}}
    statements: list[dict[str, object]] = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": everything, **who}
    ]
    if rights:
        statements.append({"Effect": "Deny", "Action": rights, "Resource": denied, **who})
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    _put_policy(bucket, policy.encode())


def _put_policy(bucket: S3Bucket, policy: bytes) -> None:
    requests = SignedRequests(bucket, AccessKeys(bucket.access_key, bucket.secret_key))
    requests._ask("PUT", "", {"policy": ""}, policy)


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_right_that_is_denied_is_named(s3: S3, here: OpenPlace, right: str) -> None:
    """Found out by asking for what is not there."""
    await here.store.put("objects/00/one", b"stays")
    assert await here.upkeep.denied_rights() == []
    await asyncio.to_thread(deny, s3, right)
    assert [denied.name for denied in await here.upkeep.denied_rights()] == [right]
    await asyncio.to_thread(deny, s3)
    assert await here.keys() == ["objects/00/one"]


async def test_what_may_not_be_deleted_is_named_and_asked_for_once_a_day(
    s3: S3, here: OpenPlace, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    digest = await store(here.stores, b"hello")
    await here.stores.blobs.delete([digest])
    await asyncio.to_thread(deny, s3, "s3:DeleteObject")
    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())

    assert "refuses to delete 1 objects" in caplog.text
    assert "`s3:DeleteObject`" in caplog.text
    assert len(await here.keys()) == 1
    assert await here.metadata.objects.count_unused() == (1, 5, 1)

    s3.proxy.reset()
    clock.ahead += REFUSED / 2
    await here.stores.uploads.tidy(clock())
    assert s3.proxy.count("DELETE") == 0

    await asyncio.to_thread(deny, s3)
    clock.ahead += REFUSED
    await here.stores.uploads.tidy(clock())
    assert await here.keys() == []
    assert await here.metadata.objects.count_unused() == (0, 0, 0)


async def test_an_object_that_is_retained_is_in_no_other_s_way(
    s3: S3, here: OpenPlace, place: PlaceInS3, clock: Clock
) -> None:
    """Of those that were asked for with it, and of those that come after it."""
    kept = await store(here.stores, b"kept")
    others = [await store(here.stores, b"%d" % number) for number in range(3)]
    (segment,) = await here.metadata.objects.find(kept)
    await asyncio.to_thread(deny, s3, "s3:DeleteObject", key=f"{place.folder}/{segment.key}")
    await here.stores.blobs.delete([kept, *others])
    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())
    assert await here.keys() == [segment.key]

    last = await store(here.stores, b"last")
    await here.stores.blobs.delete([last])
    clock.ahead += 2 * READING
    await here.stores.uploads.tidy(clock())
    assert await here.keys() == [segment.key]


async def test_strays_go_that_may_and_those_that_stay_are_told(
    s3: S3, here: OpenPlace, clock: Clock
) -> None:
    """Parts that nobody may give up are in no object's way."""
    await here.upkeep.require_own()
    digest = await store(here.stores, b"hello")
    await here.store.put("objects/00/stray", b"nobody's")
    await _begin_parts(here, "objects/00/parts")
    await asyncio.to_thread(deny, s3, "s3:AbortMultipartUpload")
    clock.ahead += READING
    assert [stray.key for stray in await _remove(here, clock)] == ["objects/00/parts"]
    assert "objects/00/stray" not in await here.keys()
    assert len(await unfinished(here.store, clock())) == 1

    await here.store.put("objects/00/stray", b"nobody's")
    for right in ("s3:ListBucketMultipartUploads", "s3:DeleteObject"):
        await asyncio.to_thread(deny, s3, right)
        kept = [stray.key for stray in await _remove(here, clock)]
        assert kept == (["objects/00/stray"] if right == "s3:DeleteObject" else [])
        await here.store.put("objects/00/stray", b"nobody's")

    await asyncio.to_thread(deny, s3, "s3:ListBucket")
    await _remove(here, clock)
    await asyncio.to_thread(deny, s3)
    assert await unfinished(here.store, clock()) == []
    assert await fetch(await here.stores.blobs.find(digest)) == b"hello"


async def _begin_parts(place: OpenPlace, key: str) -> None:
    full = f"{place.store._folder}{key}"
    await asyncio.to_thread(place.store._signed._ask, "POST", full, {"uploads": ""})


async def _remove(place: OpenPlace, clock: Clock) -> list[StoredObject]:
    """Remove all strays; those that stay."""
    clock.ahead += READING
    kept: list[StoredObject] = []
    async for page in place.upkeep.strays(clock()):
        kept += await place.upkeep.remove(page)
    return kept

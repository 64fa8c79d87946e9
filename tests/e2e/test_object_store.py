"""A registry on a real S3 server: how its blobs leave, and what becomes of a store that fails."""

import asyncio
import http.client
import os
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lading.blobs.s3.object_store import ObjectStore
from tests.support.client import Answer
from tests.support.commands import run
from tests.support.guarded import PERMISSIONS, basic, write_users
from tests.support.lading import Lading, lading_serve, program
from tests.support.object_places import delete_object, objects_of, put_object
from tests.support.pushes import Repository, digest_of
from tests.support.s3 import S3

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024
DATA = os.urandom(3 * MIB)


@contextmanager
def registry_on(s3: S3, directory: Path, **sections: Any) -> Iterator[Lading]:
    """Run a registry whose bytes are in a bucket."""
    redirect = sections.pop("redirect", {})
    storage = {
        "s3": {**s3.settings, "localdirectory": str(directory / "data")},
        "redirect": redirect,
        "delete": {"enabled": True},
    }
    with lading_serve(directory, settings={"storage": storage, **sections}) as registry:
        assert registry.client.ask("GET", "/v2/").status in {200, 401}
        s3.proxy.reset()
        yield registry


@pytest.fixture
def repository(s3: S3, tmp_path: Path) -> Iterator[Repository]:
    """A repository whose clients are sent to the store, unless they call themselves `here`."""
    redirect = {"exceptuseragents": ["here*"]}
    with registry_on(s3, tmp_path, redirect=redirect) as registry:
        yield Repository(registry.client, "team/app")


def follow(answer: Answer, **headers: str) -> tuple[int, bytes]:
    """What is at the address that a client is sent to."""
    assert answer.status == 307, answer
    request = urllib.request.Request(answer.headers["Location"], headers=headers)
    with urllib.request.urlopen(request) as got:
        return got.status, got.read()


def asked(s3: S3) -> Sequence[str]:
    """What the store was asked, but for lists: a job of the server asks for these at any time."""
    return [kind for kind in s3.proxy.requests if not kind.startswith("LIST")]


def keys_of(s3: S3) -> Sequence[str]:
    """The keys of all objects."""

    async def listed() -> list[str]:
        pages = ObjectStore(s3.bucket).pages()
        return [stored.key async for page in pages for stored in page]

    return asyncio.run(listed())


def lose(s3: S3, keys: Sequence[str]) -> None:
    """Delete objects behind the registry's back."""
    asyncio.run(ObjectStore(s3.bucket).delete(keys))


def test_a_pull_by_redirect_asks_the_store_nothing(s3: S3, repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    s3.proxy.reset()

    head = repository.ask("HEAD", f"/blobs/{digest}")
    answer = repository.ask("GET", f"/blobs/{digest}")
    assert asked(s3) == []

    assert head.status == 200
    assert head.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    assert follow(answer) == (200, DATA)


def test_a_part_is_got_from_the_store_as_well(repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    answer = repository.ask("GET", f"/blobs/{digest}", range="bytes=1000-1999")
    assert follow(answer, Range="bytes=1000-1999") == (206, DATA[1000:2000])


def test_what_the_store_would_get_wrong_is_answered_here(repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    path = f"/blobs/{digest}"
    assert repository.ask("GET", path, if_none_match=f'"{digest}"').status == 304
    assert repository.ask("GET", path, range=f"bytes={len(DATA)}-").status == 416
    several = repository.ask("GET", path, range="bytes=0-9,2000000-2999999")
    assert several.status == 206
    assert several.body.count(DATA[2_000_000:3_000_000]) == 1
    same = repository.ask("GET", path, range="bytes=5-9", if_range=f'"{digest}"')
    assert (same.status, same.body) == (206, DATA[5:10])


def test_a_blob_is_streamed_to_who_is_not_sent_away(s3: S3, repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    s3.proxy.reset()
    whole = repository.ask("GET", f"/blobs/{digest}", user_agent="here/1")
    assert (whole.status, whole.body) == (200, DATA)
    part = repository.ask("GET", f"/blobs/{digest}", user_agent="here/1", range="bytes=7-2000007")
    assert (part.status, part.body) == (206, DATA[7:2_000_008])
    assert asked(s3) == ["GET", "GET"]


def test_a_small_blob_is_sent_from_memory(s3: S3, repository: Repository) -> None:
    path = f"{repository.path}/blobs/{repository.push_blob(b'a configuration')}"
    with repository.client.connection() as connection:  # to one worker, whose memory it is

        def pull() -> tuple[int, bytes]:
            connection.request("GET", path)
            answer = connection.receive()
            return answer.status, answer.body

        first = pull()
        s3.proxy.reset()
        assert [first] + [pull() for _ in range(10)] == [(200, b"a configuration")] * 11
    assert asked(s3) == []


def test_a_download_that_breaks_goes_on(s3: S3, repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    s3.proxy.fail("GET", "half", times=2)
    answer = repository.ask("GET", f"/blobs/{digest}", user_agent="here")
    assert answer.body == DATA


def test_a_download_ends_before_its_length_if_the_store_goes_away(
    s3: S3, repository: Repository
) -> None:
    digest = repository.push_blob(DATA)
    s3.proxy.fail("GET", "half")
    connection = http.client.HTTPConnection(repository.client.host, timeout=60)
    path = f"{repository.path}/blobs/{digest}"
    connection.request("GET", path, headers={"User-Agent": "here"})
    answer = connection.getresponse()
    assert answer.status == 200
    s3.proxy.fail("GET", "503", times=10_000)
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    connection.close()
    assert DATA.startswith(broken.value.partial)


@pytest.mark.parametrize("how", ["hang", "no bucket"])
def test_a_store_that_is_away_is_503_within_a_bound_and_loses_nothing(
    s3: S3, repository: Repository, how: Any
) -> None:
    digest = repository.push_blob(DATA)
    s3.proxy.fail("GET", how, times=10_000)
    begun = time.monotonic()
    answer = repository.ask("GET", f"/blobs/{digest}", user_agent="here")
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert time.monotonic() - begun < 25
    s3.proxy.reset()
    assert repository.ask("GET", f"/blobs/{digest}", user_agent="here").body == DATA


def test_an_object_that_is_lost_is_told_and_healed_by_a_push(
    s3: S3, repository: Repository
) -> None:
    digest = repository.push_blob(DATA)
    lose(s3, keys_of(s3))

    answer = repository.ask("GET", f"/blobs/{digest}", user_agent="here")
    assert answer.status == 503
    assert b"damaged; push it again" in answer.body
    assert repository.ask("HEAD", f"/blobs/{digest}").status == 404

    repository.push_blob(DATA)
    assert repository.ask("GET", f"/blobs/{digest}", user_agent="here").body == DATA


def test_an_object_that_is_short_is_told_as_well(s3: S3, repository: Repository) -> None:
    digest = repository.push_blob(DATA)
    store = ObjectStore(s3.bucket)
    for key in keys_of(s3):
        asyncio.run(store.put(key, DATA[:MIB]))
    assert repository.ask("GET", f"/blobs/{digest}", user_agent="here").status == 503
    assert repository.ask("HEAD", f"/blobs/{digest}").status == 404


def test_objects_that_come_back_are_found_again(s3: S3, tmp_path: Path) -> None:
    """As with a disk of the store that was not mounted while somebody looked, and mended."""
    with registry_on(s3, tmp_path, redirect={"disable": True}) as registry:
        repository = Repository(registry.client, "team/app")
        repository.push_image("latest", DATA)
        path = f"/blobs/{digest_of(DATA)}"
        (key,) = [key for key, size in objects_of(s3).items() if size == len(DATA)]
        delete_object(s3, key)
        verify: list[str | Path] = [program(), "verify", "--repair", registry.config]
        assert b"its bytes are not there" in run(verify, check=False).stdout
        assert repository.ask("GET", path).status == 404

        put_object(s3, key, DATA)
        assert b"it counts as there again" in run(verify, check=False).stdout
        assert repository.ask("GET", path).body == DATA


def test_nobody_is_sent_to_the_store_who_may_not_pull(s3: S3, tmp_path: Path) -> None:
    users = tmp_path / "users"
    write_users(users, "reader", "writer", "outsider")
    auth = {"htpasswd": {"realm": "tests", "path": str(users)}, "permissions": PERMISSIONS}
    with registry_on(s3, tmp_path, auth=auth) as registry:
        repository = Repository(registry.client, "team/app")
        digest = digest_of(DATA)
        begun = repository.ask("POST", "/blobs/uploads/", authorization=basic("writer"))
        where = begun.headers["Location"]
        registry.client.ask("PUT", f"{where}?digest={digest}", DATA, authorization=basic("writer"))

        def ask(name: str, authorization: str) -> Answer:
            path = f"/v2/{name}/blobs/{digest}"
            return registry.client.ask("GET", path, authorization=authorization)

        assert ask("team/app", "").status == 401
        assert ask("team/app", basic("reader", "wrong")).status == 401
        assert ask("team/app", basic("outsider")).status == 403
        assert ask("other/app", basic("outsider")).status == 404
        assert follow(ask("team/app", basic("reader"))) == (200, DATA)


def test_clients_are_sent_to_the_public_endpoint(s3: S3, tmp_path: Path) -> None:
    redirect = {"endpoint": f"http://localhost:{s3.port}", "expiry": "6s"}
    with registry_on(s3, tmp_path, redirect=redirect) as registry:
        repository = Repository(registry.client, "team/app")
        answer = repository.ask("GET", f"/blobs/{repository.push_blob(DATA)}")
        assert answer.headers["Location"].startswith(f"http://localhost:{s3.port}/")
        assert follow(answer) == (200, DATA)
        time.sleep(7)
        with pytest.raises(urllib.request.HTTPError, match="403"):
            follow(answer)


def test_redirects_can_be_switched_off(s3: S3, tmp_path: Path) -> None:
    with registry_on(s3, tmp_path, redirect={"disable": True}) as registry:
        repository = Repository(registry.client, "team/app")
        answer = repository.ask("GET", f"/blobs/{repository.push_blob(DATA)}")
        assert (answer.status, answer.body) == (200, DATA)

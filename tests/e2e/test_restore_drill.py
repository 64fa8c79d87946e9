"""The drill of docs/operations.md: yesterday's dump of PostgreSQL, beside a bucket that went on.

The registry is pushed to all the while; what was acknowledged before the dump is there after it.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from tests.support.client import Client
from tests.support.commands import run
from tests.support.guests import beside, pull
from tests.support.lading import lading_serve, program
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until
from tests.support.pushes import Repository
from tests.support.s3 import S3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def configuration(directory: Path, url: str, store: Mapping[str, object]) -> Path:
    """A configuration of a registry in a database and a store, with a day's garbage at once."""
    directory.mkdir()
    config = directory / "config.yml"
    sections = {
        "version": 0.1,
        "http": {"addr": "127.0.0.1:0", "workers": 2},
        "database": {"postgresql": {"url": url}},
        "storage": {
            **store,
            "redirect": {"disable": True},
            "delete": {"enabled": True},
            # What no row names is old at once.
            "garbagecollect": {"grace": "1s", "interval": "1h"},
        },
    }
    config.write_text(yaml.safe_dump(sections))
    return config


@contextmanager
def pushing(client: Client) -> Iterator[list[str]]:
    """Have somebody push for the length of the block; yields the tags that were acknowledged."""
    tags: list[str] = []
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            tag = f"v{len(tags)}"
            Repository(client, "team/app").push_image(tag, tag.encode() * 1000, b"shared" * 1000)
            tags.append(tag)

    with beside(work, is_over):
        yield tags


def test_yesterday_is_restored_beside_todays_bucket(
    tmp_path: Path, postgresql: PostgreSQL, s3: S3
) -> None:
    """Rows were backed up first, and no object was deleted since: so all bytes are there."""
    dump, database = tmp_path / "lading.dump", postgresql.new_database()
    config = configuration(tmp_path / "one", postgresql.url(database), {"s3": s3.settings})
    with lading_serve(tmp_path / "one", config=config) as registry:
        Repository(registry.client, "team/app").push_image("first", b"first")
        with pushing(registry.client) as tags:
            wait_until(lambda: len(tags) >= 5, "pushes")
            before = list(tags)
            url = postgresql.url(database)
            run(["pg_dump", "--format=custom", f"--file={dump}", url])
            enough = len(tags) + 5
            # Of the keys that the objects of these have, most were reserved before the dump.
            wait_until(lambda: len(tags) >= enough, "more pushes")
        newer, pushed_at = tags[-1], time.monotonic()

    restored = postgresql.new_database()
    url = postgresql.url(restored)
    run(["pg_restore", "--no-owner", f"--dbname={url}", dump])
    new = configuration(tmp_path / "two", url, {"s3": s3.settings})
    run([program(), "restored", new])

    # What is younger than the grace may still become a blob, and is not spoken of.
    wait_until(lambda: time.monotonic() > pushed_at + 1.5, "the grace")
    lines = run([program(), "verify", "--checksums", "--json", new], check=False).stdout
    findings = [json.loads(line) for line in lines.splitlines()]
    # What is newer than the dump is known to nobody, and kept.
    assert {f["finding"]["kind"] for f in findings if "finding" in f} == {"bytes-unknown"}
    assert all("it is kept" in f["finding"]["advice"] for f in findings if "finding" in f)
    with lading_serve(tmp_path / "two", config=new) as registry:
        wrong = [
            text for tag in ["first", *before] for text in pull(registry.client, "team/app", tag)
        ]
        assert wrong == []
        assert pull(registry.client, "team/app", newer) != []
        Repository(registry.client, "team/app").push_image(newer, b"again")
    # Whoever still has the old database does not know what is pushed now, and deletes none of it.
    old = run([program(), "verify", "--repair", config], check=False)
    assert old.returncode != 0
    assert b"names the badge of another database" in old.stdout + old.stderr
    run([program(), "verify", "--repair", "--delete-unknown", new])
    assert b"all is well" in run([program(), "verify", "--checksums", new]).stdout


def test_who_still_runs_on_the_old_database_deletes_no_files_of_the_restored_one(
    tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """Both know the same files, and what is garbage to one of them the other one may need."""
    dump, database = tmp_path / "lading.dump", postgresql.new_database()
    store = {"filesystem": {"rootdirectory": str(tmp_path / "files")}}
    config = configuration(tmp_path / "one", postgresql.url(database), store)
    with ExitStack() as stack:
        old = stack.enter_context(lading_serve(tmp_path / "one", config=config))
        Repository(old.client, "team/app").push_image("first", b"first")
        run(["pg_dump", "--format=custom", f"--file={dump}", postgresql.url(database)])
        restored = postgresql.new_database()
        run(["pg_restore", "--no-owner", f"--dbname={postgresql.url(restored)}", dump])
        new = configuration(tmp_path / "two", postgresql.url(restored), store)
        run([program(), "restored", new])
        stack.enter_context(lading_serve(tmp_path / "two", config=new))

        old.client.ask("DELETE", "/v2/team/app/manifests/first")
        collected = run([program(), "garbage-collect", config], check=False)
        assert collected.returncode != 0
        assert b"belong to another registry" in collected.stderr
    assert b"all is well" in run([program(), "verify", "--checksums", new]).stdout

"""Migrating a registry between the pairs of a database and a store, and back, while it is used.

Real servers on both sides; the migration is killed again and again, later each time, and guests
pull all the while.
"""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.support.client import Client
from tests.support.commands import run
from tests.support.guests import Host, pull, pulling, pushing
from tests.support.lading import Lading, lading_serve, program
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until
from tests.support.pushes import Repository, digest_of
from tests.support.s3 import S3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

IMAGES = [(f"team/app{number}", f"v{number % 3}") for number in range(6)]
# Whatever may be collected is collected at once.
COLLECTING = {
    "delete": {"enabled": True},
    "garbagecollect": {"grace": "1s", "interval": "500ms", "trash": "1s"},
}


def fill(client: Client) -> None:
    """Push images that share a layer and have large ones, delete some, move tags."""
    for name, tag in IMAGES:
        repository = Repository(client, name)
        repository.push_image(tag, b"old " * 1000, b"shared" * 100_000)
        repository.push_image(tag, name.encode() * 100_000, b"shared" * 100_000)
        gone = repository.push_image("gone", b"gone")
        assert repository.ask("DELETE", f"/manifests/{gone}").status == 202


def configuration(directory: Path, sections: Mapping[str, object]) -> Path:
    """A configuration with sections of its own, in a directory of its own."""
    directory.mkdir(exist_ok=True)
    config = directory / "config.yml"
    http = {"addr": "127.0.0.1:0", "workers": 2}
    config.write_text(yaml.safe_dump({"version": 0.1, "http": http, **sections}))
    return config


def in_files(root: Path) -> Mapping[str, object]:
    """The section `storage` of a registry in files."""
    return {"filesystem": {"rootdirectory": str(root)}, **COLLECTING}


def in_s3(s3: S3, **more: object) -> Mapping[str, object]:
    """The section `storage` of a registry in a bucket, which sends its clients nowhere."""
    section = {**s3.settings, **more}
    return {"s3": section, "redirect": {"disable": True}, **COLLECTING}


def migrate(config: Path, to: Path) -> str:
    """Migrate, killed later and later until it comes to its end; what it said then."""
    seconds = 0.8
    while True:
        command = [program(), "migrate", "--to", str(to), str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            seconds *= 1.6
        else:
            assert process.returncode == 0, said.decode()
            return said.decode()


def migrate_beside_guests(registry: Lading, to: Path) -> Host:
    """Migrate a running registry to another configuration; guests of the old one notice nothing.

    Somebody pushes, moves tags and deletes meanwhile, and garbage is collected.
    """
    with (
        pulling(registry.client, IMAGES) as guests,
        pushing(registry.client, f"live/{to.parent.name}") as host,
    ):
        wait_until(lambda: host.pushes > 10, "pushes", log=lambda: str(host.complaints))
        said = migrate(registry.config, to)
        enough = guests.pulls + len(IMAGES)
        wait_until(lambda: guests.pulls >= enough, "pulls", log=lambda: str(guests.complaints))
    assert guests.complaints == []
    assert host.complaints == []
    assert "every digest" in said
    return host


def require_all(client: Client) -> None:
    """All images can be pulled."""
    assert [wrong for image in IMAGES for wrong in pull(client, *image)] == []


def check(config: Path) -> None:
    """Everything there is, is right."""
    assert "all is well" in run([program(), "verify", "--checksums", config]).stdout.decode()


def there_and_back(tmp_path: Path, new: Mapping[str, object]) -> None:
    """Migrate a registry in SQLite and files to other sections, use it there, and come back."""
    root = tmp_path / "data"
    old = configuration(tmp_path / "old", {"storage": in_files(root)})
    to = configuration(tmp_path / "new", new)
    with lading_serve(tmp_path / "old", config=old) as registry:
        fill(registry.client)
        host = migrate_beside_guests(registry, to)
    check(to)
    with lading_serve(tmp_path / "new", config=to) as registry:
        require_all(registry.client)
        assert host.missed(registry.client) == []
        Repository(registry.client, "team/app0").push_image("later", b"later")
        later = migrate_beside_guests(registry, old)
    check(old)
    with lading_serve(tmp_path / "old", config=old) as registry:
        require_all(registry.client)
        assert host.missed(registry.client) == []
        assert later.missed(registry.client) == []
        assert pull(registry.client, "team/app0", "later") == []
        Repository(registry.client, "team/app1").push_image("home", b"home")


def test_rows_to_postgresql_and_back(tmp_path: Path, postgresql: PostgreSQL) -> None:
    """The files stay where they are, and are served from there by both."""
    database = {"postgresql": {"url": postgresql.new_url()}}
    there_and_back(tmp_path, {"storage": in_files(tmp_path / "data"), "database": database})


def test_all_of_it_to_postgresql_and_s3_and_back(
    tmp_path: Path, postgresql: PostgreSQL, s3: S3
) -> None:
    """Bytes are read from S3 again and hashed before anything is said."""
    database = {"postgresql": {"url": postgresql.new_url()}}
    there_and_back(tmp_path, {"storage": in_s3(s3), "database": database})


def test_bytes_alone_to_s3(tmp_path: Path, s3: S3) -> None:
    """The database stays where it is, and read-only until its new server is there."""
    root = tmp_path / "data"
    old = configuration(tmp_path / "old", {"storage": in_files(root)})
    new = configuration(tmp_path / "new", {"storage": in_s3(s3, localdirectory=str(root))})
    with lading_serve(tmp_path / "old", config=old) as registry:
        fill(registry.client)
        said = migrate(old, new)
    assert f"`lading read-only off {new}` and `lading serve {new}`" in said
    run([program(), "read-only", "off", new])
    check(new)
    with lading_serve(tmp_path / "new", config=new) as registry:
        require_all(registry.client)
        Repository(registry.client, "team/app0").push_image("later", b"later")


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        (signal.SIGINT, 130, ("\nInterrupted\n",)),
        (signal.SIGTERM, 143, ("\nChecking manifests\n", ", read-only\n")),
        (signal.SIGHUP, 130, ("\nInterrupted\n",)),
    ],
)
def test_a_migration_that_is_ended_while_the_registry_is_read_only_gives_it_back(
    tmp_path: Path, how: signal.Signals, code: int, words: tuple[str, ...]
) -> None:
    """By whoever has had enough, by an orchestrator, or by a terminal that is closed."""
    old = configuration(tmp_path / "old", {"storage": in_files(tmp_path / "data")})
    with lading_serve(tmp_path / "old", config=old) as registry:
        repository = Repository(registry.client, "app")
        repository.push_image("before", b"before")
        for number in range(10):  # the last step takes a moment, and may be over
            new = {"storage": in_files(tmp_path / f"there{number}")}
            to = configuration(tmp_path / f"new{number}", new)
            returned, said = _ended_in_its_last_step(old, to, how)
            if returned:
                break
            run([program(), "read-only", "off", old])
        assert returned == code
        assert said.endswith(words)
        repository.push_image("after", b"after")


def _ended_in_its_last_step(old: Path, to: Path, how: signal.Signals) -> tuple[int, str]:
    """End a migration as soon as the registry is read-only; how it ended, and what it said."""
    # Whoever runs tests may have begun with `nohup`, which children inherit.
    ours = ["env", "--default-signal=HUP"]
    command = [*ours, program(), "migrate", "--to", str(to), str(old)]
    switch = old.parent.parent / "data/lading/metadata.sqlite3.read-only"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while not switch.exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(how)
        said, _ = process.communicate(timeout=60)
    return process.returncode, said.decode()


def test_another_postgresql_beside_the_same_bucket(
    tmp_path: Path, postgresql: PostgreSQL, s3: S3
) -> None:
    """No byte is copied: what is known of the objects goes along, an unfinished upload too."""
    configs = [
        configuration(tmp_path / name, {"storage": in_s3(s3), "database": database})
        for name in ("old", "new")
        for database in [{"postgresql": {"url": postgresql.new_url()}}]
    ]
    with lading_serve(tmp_path / "old", config=configs[0]) as registry:
        fill(registry.client)
        upload = Repository(registry.client, "team/app0").start_upload()
        assert registry.client.ask("PATCH", upload, b"half ").status == 202
        s3.proxy.reset()
        assert "Copied        0 blobs" in migrate(*configs)
        assert s3.proxy.count("PUT") == 0
    with lading_serve(tmp_path / "new", config=configs[1]) as registry:
        require_all(registry.client)
        target = f"{upload}?digest={digest_of(b'half a blob')}"
        answer = registry.client.ask("PUT", target, b"a blob", content_range="5-10")
        assert answer.status == 201, answer
        off = run([program(), "read-only", "off", configs[0]], check=False)
        assert off.returncode == 1
        assert b"the registry stays read-only" in off.stdout + off.stderr
        with lading_serve(tmp_path / "old", config=configs[0]) as old:  # it can still be read
            assert pull(old.client, *IMAGES[0]) == []
    check(configs[1])


def test_the_way_back_before_another_postgresql_is_served(
    tmp_path: Path, postgresql: PostgreSQL, s3: S3
) -> None:
    """Who was switched back has the objects; the other one is refused until it has all again."""
    old, new = (
        configuration(tmp_path / name, {"storage": in_s3(s3), "database": database})
        for name in ("old", "new")
        for database in [{"postgresql": {"url": postgresql.new_url()}}]
    )
    with lading_serve(tmp_path / "old", config=old) as registry:
        fill(registry.client)
        migrate(old, new)
        run([program(), "read-only", "off", old])
        Repository(registry.client, "team/app0").push_image("later", b"later")
        refusal = run([program(), "serve", new], check=False)
        assert refusal.returncode == 1
        assert b"names the badge of another database" in refusal.stdout + refusal.stderr
        migrate(old, new)
    with lading_serve(tmp_path / "new", config=new) as registry:
        require_all(registry.client)
        assert pull(registry.client, "team/app0", "later") == []
    check(new)


def test_what_a_target_must_not_be(tmp_path: Path, postgresql: PostgreSQL, s3: S3) -> None:
    """An older database stays as it is, and a bucket with the objects of others, too."""
    old = configuration(tmp_path / "old", {"storage": in_files(tmp_path / "data")})
    database = postgresql.new_database()
    section = {"postgresql": {"url": postgresql.url(database)}}
    theirs = configuration(tmp_path / "theirs", {"storage": in_s3(s3), "database": section})
    with lading_serve(tmp_path / "old", config=old) as registry:
        Repository(registry.client, "ours").push_image("latest")
    with lading_serve(tmp_path / "theirs", config=theirs) as registry:
        Repository(registry.client, "theirs").push_image("latest")
    assert "there is a registry in postgresql://" in refused(old, theirs)

    postgresql.ask("UPDATE lading_schema SET version = 1", database)
    assert "was written by an older version" in refused(old, theirs)
    assert postgresql.ask("SELECT version FROM lading_schema", database) == [(1,)]

    beside = configuration(
        tmp_path / "beside", {"storage": in_s3(s3, localdirectory=str(tmp_path / "local"))}
    )
    assert "objects that this database does not know" in refused(old, beside)


def refused(config: Path, to: Path) -> str:
    """What is said to a migration that is refused, in a sentence."""
    done = run([program(), "migrate", "--to", to, config], check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said

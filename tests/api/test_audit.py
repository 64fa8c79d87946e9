"""The audit log: who did what, where, from which address, and how it ended."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import pytest

from lading.cli.registry import operator
from tests.support.client import Client
from tests.support.commands import run
from tests.support.guarded import Guarded, basic, guarded_registry
from tests.support.lading import lading_serve, program
from tests.support.processes import background, wait_until
from tests.support.pushes import OCI_MANIFEST, digest_of, encode, image

IMAGE = encode(image(b"layer"))
DIGEST = digest_of(IMAGE)
LAYER = digest_of(b"layer")

Entry = dict[str, Any]


@contextmanager
def audited(
    directory: Path,
    entries: list[Entry],
    *,
    storage: dict[str, object] | None = None,
    **audit: object,
) -> Iterator[Guarded]:
    """A registry with users; after the block, what its audit log holds is in `entries`.

    It has one worker: several write each in order, but not among each other.
    """
    path = directory / "audit.jsonl"
    http = {"addr": "127.0.0.1:0", "workers": 1}
    settings: dict[str, Any] = {"audit": {"file": str(path), **audit}, "http": http}
    if storage is not None:
        settings["storage"] = storage
    with guarded_registry(directory, **settings) as guarded:
        yield guarded
    entries += [json.loads(line) for line in path.read_text().splitlines()]


def push(client: Client, user: str) -> None:
    """Push an image, and what it needs."""
    login = {"authorization": basic(user)}
    for blob in (b"{}", b"layer"):
        target = f"/v2/team/app/blobs/uploads/?digest={digest_of(blob)}"
        assert client.ask("POST", target, blob, **login).status == 201
    answer = client.ask(
        "PUT", "/v2/team/app/manifests/v1", IMAGE, content_type=OCI_MANIFEST, **login
    )
    assert answer.status == 201


def shown(entries: list[Entry], *names: str) -> list[tuple[object, ...]]:
    """Some fields of each entry."""
    return [tuple(entry.get(name) for name in names) for entry in entries]


def test_who_did_what(tmp_path: Path) -> None:
    """In the order in which it was done."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        push(guarded.client, "writer")
        for path in ("manifests/v1", f"blobs/{LAYER}", "tags/list"):
            answer = guarded.client.ask(
                "GET", f"/v2/team/app/{path}", authorization=basic("reader"), user_agent="test/1"
            )
            assert answer.status == 200
        token = guarded.token("deleter", "repository:team/app:delete")
        answer = guarded.client.ask(
            "DELETE", "/v2/team/app/manifests/v1", authorization=f"Bearer {token}"
        )
        assert answer.status == 202
    assert shown(entries, "who", "what", "reference", "digest") == [
        ("writer", "blob.push", None, digest_of(b"{}")),
        ("writer", "blob.push", None, LAYER),
        ("writer", "manifest.push", "v1", DIGEST),
        ("reader", "manifest.pull", "v1", DIGEST),
        ("reader", "blob.pull", LAYER, LAYER),
        ("reader", "tags.list", None, None),
        ("deleter", "token.issue", None, None),
        ("deleter", "manifest.delete", "v1", None),
    ]
    assert {entry["from"] for entry in entries} == {"127.0.0.1"}
    assert {entry["result"] for entry in entries} == {"done"}
    assert shown(entries[3:4], "repository", "status", "agent") == [("team/app", 200, "test/1")]
    assert entries[0]["time"] <= entries[-1]["time"]


def test_who_was_refused(tmp_path: Path) -> None:
    """A wrong password with the name it came with; a question without a password is none."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        client = guarded.client
        assert client.ask("GET", "/v2/").status == 401
        assert client.ask("GET", "/v2/", authorization=basic("reader", "guess")).status == 401
        form = {"grant_type": "password", "username": "reader", "password": "guess"}
        assert client.send_form("/token", form).status == 401
        refused = client.ask(
            "PUT", "/v2/team/app/manifests/v1", IMAGE, authorization=basic("reader")
        )
        assert refused.status == 403
    assert shown(entries, "who", "claimed", "what", "result", "status") == [
        (None, "reader", "api.check", "refused", 401),
        (None, "reader", "token.issue", "refused", 401),
        ("reader", None, "manifest.push", "refused", 403),
    ]


def test_what_a_push_did_beside_its_reference(tmp_path: Path) -> None:
    """More tags, by all their names; and where a blob was taken over from."""
    entries: list[Entry] = []
    many = [f"{number:03}-{'x' * 100}" for number in range(40)]
    with audited(tmp_path, entries) as guarded:
        push(guarded.client, "writer")
        writer = basic("writer")
        for tags in (["prod", "stable"], many):
            query = urlencode([("tag", tag) for tag in tags])
            target = f"/v2/team/app/manifests/{DIGEST}?{query}"
            answer = guarded.client.ask(
                "PUT", target, IMAGE, authorization=writer, content_type=OCI_MANIFEST
            )
            assert answer.status == 201
        target = f"/v2/team/other/blobs/uploads/?mount={LAYER}&from=team/app"
        assert guarded.client.ask("POST", target, authorization=writer).status == 201
    assert shown(entries[3:4], "what", "reference", "tags") == [
        ("manifest.push", DIGEST, ["prod", "stable"])
    ]
    assert [tag for entry in entries[4:-1] for tag in entry["tags"]] == many
    assert shown(entries[-1:], "what", "repository", "source", "digest") == [
        ("blob.mount", "team/other", "team/app", LAYER)
    ]
    assert max(map(len, (tmp_path / "audit.jsonl").read_bytes().splitlines())) < 4096


def test_what_was_refused_to_whom(tmp_path: Path) -> None:
    """Whoever the token says it is of, good for less or forged; and whoever comes without one."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        client = guarded.client
        token = guarded.token("reader", "repository:team/app:pull")
        forged = jwt.encode({"sub": "admin"}, "a key of nobody's, of thirty-two bytes", "HS256")
        nonsense = ("x.y.z", "e30.e30.e30", "")
        for bearer in (token, forged, *nonsense):
            answer = client.ask(
                "DELETE", "/v2/team/app/manifests/v1", authorization=f"Bearer {bearer}"
            )
            assert answer.status == 401
        mount = f"/v2/team/app/blobs/uploads/?mount={LAYER}&from=other/app"
        assert client.ask("POST", mount, authorization=f"Bearer {forged}").status == 401
        put = f"/v2/team/app/manifests/{DIGEST}?tag=prod"
        assert client.ask("PUT", put, IMAGE, authorization=f"Bearer {forged}").status == 401
        assert client.ask("DELETE", f"/v2/team/app/blobs/{LAYER}").status == 401
        for path in ("/v2/", "/v2/team/app/manifests/v1"):
            assert client.ask("GET", path).status == 401
        assert client.ask("PATCH", "/v2/team/app/manifests/v1").status == 405
    deletes = [("reader", None), (None, "admin"), *([(None, None)] * len(nonsense))]
    assert shown(entries[1:6], "who", "claimed") == deletes
    assert set(shown(entries[1:6], "what", "result", "reference")) == {
        ("manifest.delete", "refused", "v1")
    }
    assert shown(entries[6:], "claimed", "what", "digest", "source", "tags", "method") == [
        ("admin", "blob.mount", LAYER, "other/app", None, None),
        ("admin", "manifest.push", None, None, ["prod"], None),
        (None, "blob.delete", None, None, None, None),
        (None, "unsupported", None, None, None, "PATCH"),
    ]


def test_what_a_token_was_issued_for(tmp_path: Path) -> None:
    """What it is good for, and what it was given for."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        guarded.token("writer", "repository:team/app:pull,push", "repository:other/app:pull")
        form = {"grant_type": "refresh_token", "refresh_token": "made up"}
        assert guarded.client.send_form("/token", form).status == 401
    assert shown(entries, "who", "what", "grant", "scopes", "result") == [
        (
            "writer",
            "token.issue",
            None,
            "repository:team/app:pull,push repository:other/app:",
            "done",
        ),
        (None, "token.issue", "refresh_token", None, "refused"),
    ]


def test_an_entry_is_bounded_whatever_a_stranger_sends(tmp_path: Path) -> None:
    """All of its texts as long as can be."""
    entries: list[Entry] = []
    long = "\U0001f433" * 300
    query = urlencode({"mount": long, "from": long, "tag": long})
    with audited(tmp_path, entries) as guarded:
        for path in (
            f"/v2/{quote(long)}/blobs/uploads/",
            f"/v2/{quote(long)}/manifests/{quote(long)}",
        ):
            for method in ("POST", "PUT", "DELETE"):
                guarded.client.ask(
                    method,
                    f"{path}?{query}",
                    authorization=basic(long, "guess"),
                    user_agent="\u00e4" * 5000,
                )
    assert entries
    assert max(map(len, (tmp_path / "audit.jsonl").read_bytes().splitlines())) < 4096


def test_reads_can_be_left_out(tmp_path: Path) -> None:
    """Refused ones stay in."""
    entries: list[Entry] = []
    with audited(tmp_path, entries, reads=False) as guarded:
        push(guarded.client, "writer")
        for user in ("reader", "outsider"):
            guarded.client.ask("GET", "/v2/team/app/manifests/v1", authorization=basic(user))
    assert shown(entries, "who", "what", "result")[3:] == [("outsider", "manifest.pull", "refused")]


def test_nobody_can_forge_an_entry(tmp_path: Path) -> None:
    """Whatever a name, a path or a header holds stays one string of one line."""
    entries: list[Entry] = []
    forged = '"}\n{"who" "admin'
    with audited(tmp_path, entries) as guarded:
        guarded.client.ask("GET", "/v2/", authorization=basic(forged, "guess"))
        guarded.client.ask(
            "GET",
            "/v2/%22%7D%0A%7B%22who%22:%22admin/manifests/v1",
            authorization=basic("admin"),
            user_agent="\u00e4" * 5000,
        )
        guarded.client.ask("GET", "/v2/", authorization=basic("\U0001f433" * 5000, "guess"))
    assert shown(entries, "who", "claimed") == [
        (None, forged.replace("\n", "?")),
        (None, None),
        (None, "\U0001f433" * 256),
    ]
    assert max(map(len, (tmp_path / "audit.jsonl").read_bytes().splitlines())) < 4096


def test_an_end_loses_nothing(tmp_path: Path) -> None:
    """What was answered before SIGTERM is in the file."""
    path = tmp_path / "audit.jsonl"
    with lading_serve(tmp_path, settings={"audit": {"file": str(path)}}) as registry:
        for _ in range(300):
            assert registry.client.ask("GET", "/v2/_catalog").status == 200
    assert len(path.read_text().splitlines()) == 300


def test_standard_output_is_a_place_too(tmp_path: Path) -> None:
    """Between the lines of others, each entry on its own."""
    with lading_serve(tmp_path, settings={"audit": {"file": "-"}}) as registry:
        registry.client.ask("GET", "/v2/_catalog")
        wait_until(lambda: '"what":"catalog.list"' in registry.log.read_text(), "the entry")


@pytest.mark.parametrize("place", ["nowhere/audit.jsonl", "."])
def test_a_registry_that_could_not_audit_does_not_start(tmp_path: Path, place: str) -> None:
    config = tmp_path / "config.yml"
    config.write_text(
        "version: 0.1\nstorage: inmemory\nhttp: {addr: '127.0.0.1:0'}\n"
        f"audit: {{file: {tmp_path / place}}}\n"
    )
    log = tmp_path / "lading.log"
    with background([program(), "serve", str(config)], log=log) as process:
        assert process.wait(30) == 1
    assert f"Error: audit.file: {tmp_path / place}: " in log.read_text()


def test_what_commands_do(tmp_path: Path) -> None:
    """Beside the server, with the name of whoever ran them; what they only look at is no deed."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        config = str(guarded.lading.config)
        push(guarded.client, "writer")
        tag = "/v2/team/app/manifests/v1"
        assert guarded.client.ask("DELETE", tag, authorization=basic("deleter")).status == 202
        for command in (
            ["restore", "team/app:v1"],
            ["token", "create", "ci", "-r", "team/**"],
            ["token", "ls"],
            ["token", "revoke", "ci"],
            ["read-only", "on"],
            ["read-only", "status"],
            ["read-only", "off"],
            ["trash", "ls"],
        ):
            run([program(), *command, config])
        for command in (["add", "--password-stdin"], ["passwd", "--password-stdin"], ["rm"]):
            run([program(), "user", *command, "-c", config, "new"], stdin=b"a password")
    done = [entry for entry in entries if "from" not in entry]
    assert shown(done, "what", "repository", "reference", "robot") == [
        ("tag.restore", "team/app", "v1", None),
        ("robot.create", None, None, "robot+ci"),
        ("robot.revoke", None, None, "robot+ci"),
        ("read-only.on", None, None, None),
        ("read-only.off", None, None, None),
        ("user.add", None, None, None),
        ("user.password", None, None, None),
        ("user.remove", None, None, None),
    ]
    assert {entry["user"] for entry in done[5:]} == {"new"}
    assert done[0]["digest"] == DIGEST
    assert "may pull in team/**" in done[1]["rights"]
    assert {entry["who"] for entry in done} == {operator()}
    assert {entry["result"] for entry in done} == {"done"}


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_is_collected(tmp_path: Path, by_hand: bool) -> None:
    """Each image, and the bytes of each blob, with the reason."""
    entries: list[Entry] = []
    collecting: dict[str, object] = {"interval": "1s", "grace": "0s", "trash": "0s"}
    storage = {
        "filesystem": {"rootdirectory": str(tmp_path / "data")},
        "delete": {"enabled": True},
        "garbagecollect": {**collecting, "enabled": not by_hand},
    }
    with audited(tmp_path, entries, storage=storage) as guarded:
        push(guarded.client, "writer")
        path = f"/v2/team/app/manifests/{DIGEST}"
        assert guarded.client.ask("DELETE", path, authorization=basic("deleter")).status == 202
        if by_hand:
            guarded.lading.run("garbage-collect")
        log = tmp_path / "audit.jsonl"
        wait_until(lambda: log.read_text().count('"blob.collect"') >= 4, "the collection")
    done = [entry for entry in entries if "from" not in entry]
    assert shown(done, "what", "repository", "digest")[0] == (
        "manifest.collect",
        "team/app",
        DIGEST,
    )
    assert {entry["digest"] for entry in done} == {DIGEST, LAYER, digest_of(b"{}")}
    assert {entry.get("who") for entry in done} == {operator() if by_hand else None}
    assert all(entry["why"] for entry in done)


def test_new_permissions_are_in_it(tmp_path: Path) -> None:
    """Whoever changed the file, it is in force from then on."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        config = guarded.lading.config
        config.write_text(config.read_text().replace("outsider", "nobody"))
        log = tmp_path / "audit.jsonl"
        wait_until(lambda: "permissions.reload" in log.read_text(), "the new permissions")
    assert shown(entries, "what", "file") == [("permissions.reload", str(config))]


def test_a_command_that_cannot_write_the_log_says_so(tmp_path: Path) -> None:
    """And does what it is to do."""
    nowhere = {"REGISTRY_AUDIT_FILE": str(tmp_path / "nowhere" / "audit.jsonl")}
    with guarded_registry(tmp_path) as guarded:
        command = [program(), "token", "create", "ci", "-r", "team/**"]
        done = run([*command, str(guarded.lading.config)], env=nowhere)
        assert b"not in the audit log" in done.stderr
        assert done.stdout.startswith(b"lading_")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/v2//team/app/manifests/v1", "/v2/team/app/manifests/v1/"])
def test_who_was_only_sent_on_has_done_nothing(tmp_path: Path, method: str, path: str) -> None:
    """Anybody can ask for a path with a slash too many: no login is looked at."""
    entries: list[Entry] = []
    with audited(tmp_path, entries) as guarded:
        assert guarded.client.ask(method, path).status in {301, 308}

    assert entries == []


def test_what_is_outside_of_the_prefix_is_nothing_of_the_registry(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    settings = {"audit": {"file": str(path)}}
    with lading_serve(tmp_path, settings=settings, env={"REGISTRY_HTTP_PREFIX": "/own/"}) as lading:
        assert lading.client.ask("PUT", "/v2/a/manifests/v1", IMAGE).status == 404
        assert lading.client.ask("PUT", "/own/v2/a/manifests/v1", b"{}").status == 400

    (entry,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert entry["repository"] == "a"
    assert entry["status"] == 400

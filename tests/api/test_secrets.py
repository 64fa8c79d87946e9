"""No secret that passes through is left behind: in a log, an answer, or a list of processes."""

import json
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.commands import run
from tests.support.guarded import SERVICE, Guarded, basic, guarded_registry
from tests.support.lading import program

WRONG = "wrong-password-with-a-name"


def use_every_way_in(guarded: Guarded, robot: str) -> tuple[dict[str, str], bytes]:
    """Log in, rightly and wrongly, in all the ways there are; the secrets, and all answers."""
    client, answers = guarded.client, b""
    scope = "repository:team/app:pull,push"
    right = {"grant_type": "password", "username": "writer", "password": "writer-password"}
    first = post(client, {**right, "access_type": "offline", "scope": scope})
    refresh = json.loads(first)["refresh_token"]
    again = post(client, {"grant_type": "refresh_token", "refresh_token": refresh, "scope": scope})
    secrets = {
        "a password": "writer-password",
        "a wrong password": WRONG,
        "a refresh token": refresh,
        "a token": json.loads(first)["access_token"],
        "another token": json.loads(again)["access_token"],
        "a robot's password": robot,
        "a header": basic("writer").removeprefix("Basic "),
    }
    answers += post(client, {**right, "password": WRONG})
    answers += post(client, {"grant_type": "refresh_token", "refresh_token": f"{refresh}x"})
    for header in (
        basic("writer"),
        basic("writer", WRONG),
        basic("robot+ci", robot),
        basic("robot+ci", f"{robot}x"),
        f"Bearer {secrets['a token']}",
        f"Bearer {secrets['a token']}x",
        f"Bearer {secrets['another token'][:-9]}",
        f"Basic {secrets['a token']}",
        f"Digest {secrets['a token']}",
        secrets["a token"],
    ):
        for path in ("/v2/", "/v2/team/app/tags/list", "/v2/team/APP/tags/list", "/v2/_catalog"):
            answers += client.ask("GET", path, authorization=header).body
        answers += client.ask("PUT", "/v2/team/app/manifests/v1", b"{", authorization=header).body
    return secrets, answers


def post(client: Client, form: dict[str, str]) -> bytes:
    """Send a form to the token service."""
    return client.send_form("/token", {**form, "service": SERVICE}).body


@pytest.mark.parametrize("formatter", ["text", "json"])
def test_no_secret_is_left_anywhere(tmp_path: Path, formatter: str) -> None:
    """With the chattiest log that there is."""
    audit = tmp_path / "audit.jsonl"
    with guarded_registry(
        tmp_path,
        log={"level": "debug", "formatter": formatter},
        audit={"file": str(audit)},
        limits={"failedlogins": 0},
    ) as guarded:
        config = guarded.lading.config
        made = run([program(), "token", "create", "ci", "-r", "**", config]).stdout
        secrets, answers = use_every_way_in(guarded, made.decode().strip())
        processes = b"".join(
            (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            for path in processes_of(guarded.lading.pid)
        )
    places = {
        "an answer": answers,
        "the log": guarded.lading.log.read_bytes(),
        "the audit log": audit.read_bytes(),
        "the list of processes": processes,
        "the configuration shown": run([program(), "config", "show", config]).stdout,
        "the data": b"".join(
            path.read_bytes() for path in guarded.lading.root.rglob("*") if path.is_file()
        ),
    }
    assert b"manifest.push" in places["the audit log"]
    found = [
        (secret, place)
        for place, content in places.items()
        for secret, text in secrets.items()
        if text.encode() in content
    ]
    assert found == []


def processes_of(pid: int) -> list[Path]:
    """A process and those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert children
    return [Path(f"/proc/{number}") for number in (str(pid), *children)]

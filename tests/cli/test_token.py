"""`lading token`, beside a running server."""

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.guarded import SERVICE, Guarded, basic, guarded_registry
from tests.support.lading import program
from tests.support.pushes import digest_of


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A registry with users; each test makes robots of other names."""
    with guarded_registry(tmp_path_factory.mktemp("robots")) as guarded:
        yield guarded


def token(guarded: Guarded, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `lading token` with the registry's configuration."""
    command = [program(), "token", *words, str(guarded.lading.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done
    return done


def create(guarded: Guarded, *words: str) -> str:
    """Make a robot; the header it logs in with."""
    return basic(f"robot+{words[0]}", token(guarded, "create", *words).stdout.strip())


def listed(guarded: Guarded) -> dict[str, dict[str, Any]]:
    """What `lading token ls` tells programs of each robot."""
    return {robot["name"]: robot for robot in json.loads(token(guarded, "ls", "--json").stdout)}


def may(client: Client, authorization: str, repository: str) -> str:
    """What is allowed in a repository, of pull, push and delete."""
    digest = digest_of(b"nothing")
    answers = {
        "pull": client.ask(
            "GET", f"/v2/{repository}/manifests/latest", authorization=authorization
        ),
        "push": client.ask("POST", f"/v2/{repository}/blobs/uploads/", authorization=authorization),
        "delete": client.ask(
            "DELETE", f"/v2/{repository}/blobs/{digest}", authorization=authorization
        ),
    }
    return " ".join(what for what, answer in answers.items() if answer.status not in {401, 403})


def test_a_robot_may_do_what_it_was_made_for(guarded: Guarded) -> None:
    """With its password, and with a token for it; and nothing else."""
    login = create(guarded, "ci", "--repositories", "team/**,tools", "--actions", "pull,push")
    for repository, allowed in (
        ("team/app", "pull push"),
        ("tools", "pull push"),
        ("team", ""),
        ("other/app", ""),
        ("public/app", ""),
    ):
        assert may(guarded.client, login, repository) == allowed
        scope = f"repository:{repository}:pull,push,delete"
        answer = guarded.client.ask(
            "GET", f"/token?service={SERVICE}&scope={scope}", authorization=login
        )
        assert may(guarded.client, f"Bearer {answer.json['token']}", repository) == allowed


def test_only_pulls_unless_more_is_asked_for(guarded: Guarded) -> None:
    assert may(guarded.client, create(guarded, "a", "-r", "**"), "x/y") == "pull"
    assert may(guarded.client, create(guarded, "b", "-r", "**", "-a", "delete"), "x") == "delete"


def test_revoking_ends_everything_at_once(guarded: Guarded) -> None:
    """In every worker, and for tokens that were issued."""
    login = create(guarded, "leaked", "-r", "**")
    answer = guarded.client.ask(
        "GET", f"/token?service={SERVICE}&scope=repository:x:pull", authorization=login
    )
    bearer = f"Bearer {answer.json['token']}"
    for header in (login, bearer):
        assert may(guarded.client, header, "x") == "pull"
    assert token(guarded, "revoke", "leaked").stdout == "robot+leaked can no longer log in\n"
    for header in (login, bearer) * 5:
        assert may(guarded.client, header, "x") == ""
    said = token(guarded, "revoke", "robot+leaked", fails=True).stderr
    assert "there is no robot+leaked" in said


def test_an_end(guarded: Guarded) -> None:
    """By default after 90 days."""
    create(guarded, "default", "-r", "**")
    create(guarded, "ever", "-r", "**", "--expires", "never")
    login = create(guarded, "short", "-r", "**", "--expires", "1us")
    assert guarded.client.ask("GET", "/v2/", authorization=login).status == 401
    robots = listed(guarded)
    default = robots["default"]
    ends, made = (datetime.fromisoformat(default[name]) for name in ("expires_at", "created_at"))
    assert ends - made == timedelta(days=90)
    assert robots["ever"]["expires_at"] is None
    said = token(guarded, "ls").stdout
    assert "robot+ever may pull in ** for ever\n" in said
    assert said.count("(ended)") == 1


def test_the_last_use_is_told(tmp_path: Path) -> None:
    """It is written down within a minute, and when the server stops."""
    with guarded_registry(tmp_path) as guarded:
        login = create(guarded, "ci", "-r", "**")
        create(guarded, "idle", "-r", "**")
        assert {robot["used_at"] for robot in listed(guarded).values()} == {None}
        assert guarded.client.ask("GET", "/v2/", authorization=login).status == 200
    robots = listed(guarded)
    assert robots["ci"]["used_at"] > robots["ci"]["created_at"]
    assert robots["idle"]["used_at"] is None
    assert ", last used 2" in token(guarded, "ls").stdout


def test_a_password_is_shown_once_and_alone(guarded: Guarded) -> None:
    """To be piped to `docker login --password-stdin`; what people want to know goes beside it."""
    done = token(guarded, "create", "shown", "-r", "team/**")
    assert done.stdout.startswith("lading_")
    assert done.stdout.count("\n") == 1
    assert "robot+shown may pull in team/** until " in done.stderr
    password = done.stdout.strip()
    assert password not in token(guarded, "ls").stdout + token(guarded, "ls", "--json").stdout
    for path in guarded.lading.root.rglob("*"):
        assert not path.is_file() or password.encode() not in path.read_bytes()
    described = json.loads(token(guarded, "create", "two", "-r", "a,b", "--json").stdout)
    assert described["login"] == "robot+two"
    assert described["repositories"] == ["a", "b"]
    assert described["actions"] == ["pull"]
    assert described["password"].startswith("lading_")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["a b", "-r", "**"], "write up to 64 letters"),
        (["ci", "-r", "Team/**"], "write it in lower case"),
        (["ci", "-r", "team**"], "write `**` between slashes"),
        (["ci", "-r", "**", "-a", "pull,fetch"], "write some of pull, push, delete, admin"),
        (["ci", "-r", "**", "--expires", "soon"], "write a duration such as `90d`"),
        (["ci", "-r", "**", "--expires", "0d"], "write a duration such as `90d`"),
        (["ci"], "Missing option '-r'"),
    ],
)
def test_what_cannot_be_made(guarded: Guarded, words: list[str], complaint: str) -> None:
    assert complaint in token(guarded, "create", *words, fails=True).stderr


def test_a_name_is_not_given_twice(guarded: Guarded) -> None:
    """The one who has it would be locked out."""
    login = create(guarded, "taken", "-r", "x")
    said = token(guarded, "create", "taken", "-r", "y", fails=True).stderr
    assert "robot+taken exists; take another name, or end it first" in said
    assert may(guarded.client, login, "x") == "pull"

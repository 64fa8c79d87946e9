"""`lading login` and `lading logout`: what they write is what all other commands find."""

import errno
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.cli.login import remove_login, store_login
from lading.client import HostLogin, find_login
from lading.testing import Registry
from tests.cli.conftest import Ours

STALE = {"auth": b64encode(b"ci:stale").decode()}


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(users={"ci": "secret"}) as started:
        started.push_image("app:1")
        yield started


def login(ours: Ours, host: str) -> str:
    """Sign in; what is said of where that is kept."""
    result = ours.run("login", host, "-u", "ci", "--password-stdin", stdin="secret\n")
    assert result.exit_code == 0, result.stderr
    return result.stderr


def keep(path: Path, *keys: str) -> Path:
    """A file with a login by each key that is not right any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": dict.fromkeys(keys, STALE)}))
    return path


def test_a_login_is_kept_in_the_file_that_the_environment_names(
    ours: Ours, registry: Registry, tmp_path: Path
) -> None:
    named = tmp_path / "named.json"
    ours.environ["REGISTRY_AUTH_FILE"] = str(named)

    assert str(named) in login(ours, registry.host)

    assert ours.run("ls", registry.host).exit_code == 0
    assert ours.run("logout", registry.host).exit_code == 0
    assert ours.run("ls", registry.host).exit_code == 4


def test_an_older_login_that_would_come_first_is_replaced(
    ours: Ours, registry: Registry, tmp_path: Path
) -> None:
    """As of podman, whose file is looked into before Docker's."""
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    ours.environ.update(environ, DOCKER_CONFIG="")
    first = keep(tmp_path / "run/containers/auth.json", registry.host)
    assert ours.run("ls", registry.host).exit_code == 4

    assert str(first) in login(ours, registry.host)

    assert ours.run("ls", registry.host).exit_code == 0


def test_a_login_is_forgotten_in_all_places_and_however_it_is_written(
    ours: Ours, registry: Registry, tmp_path: Path
) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    ours.environ.update(environ, DOCKER_CONFIG="", XDG_RUNTIME_DIR="")
    keys = (registry.host, f"https://{registry.host}/v1/", "other.example")
    files = [
        keep(tmp_path / ".docker/config.json", *keys),
        keep(tmp_path / "config/containers/auth.json", *keys),
    ]

    said = ours.run("logout", f"https://{registry.host.upper()}/").stdout

    assert "Logged out" in said
    for file in files:
        assert json.loads(file.read_text())["auths"] == {"other.example": STALE}


def test_a_login_takes_the_place_of_one_that_is_written_otherwise(
    ours: Ours, registry: Registry
) -> None:
    kept = keep(Path(ours.environ["DOCKER_CONFIG"], "config.json"), f"https://{registry.host}")

    login(ours, registry.host)

    assert list(json.loads(kept.read_text())["auths"]) == [registry.host]


def test_a_helper_that_keeps_nothing_says_why(
    ours: Ours, registry: Registry, tmp_path: Path
) -> None:
    folder = Path(ours.environ["DOCKER_CONFIG"])
    (folder / "config.json").write_text('{"credsStore": "test"}')
    helper = tmp_path / "docker-credential-test"
    helper.write_text("#!/bin/sh\ncat >/dev/null; echo the store is locked; exit 1\n")
    helper.chmod(0o755)
    ours.environ["PATH"] = f"{tmp_path}:/usr/bin:/bin"

    words = ("login", registry.host, "-u", "ci", "--password-stdin")
    result = ours.run(*words, stdin="secret\n")

    assert result.exit_code == 1
    assert "did not keep the login: the store is locked" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize("key", ["docker.io", "https://index.docker.io/v1/"])
def test_a_login_is_kept_by_the_helper_that_is_asked_for_it(tmp_path: Path, key: str) -> None:
    """Under whichever of the names of Docker Hub a file names one."""
    file, kept = tmp_path / "config.json", tmp_path / "kept"
    file.write_text(json.dumps({"credHelpers": {key: "here"}}))
    helper = tmp_path / "docker-credential-here"
    helper.write_text(
        f"""#!/bin/sh
case $1 in
store) cat > {kept} ;;
erase) rm {kept} ;;
get) read key; grep "\\"ServerURL\\": \\"$key\\"" {kept} ;;
esac
"""
    )
    helper.chmod(0o755)
    environ = {"REGISTRY_AUTH_FILE": str(file), "PATH": f"{tmp_path}:/usr/bin:/bin"}

    assert store_login("docker.io", HostLogin("ci", "secret"), environ) == "docker-credential-here"

    assert find_login("docker.io", "library/app", environ) == HostLogin("ci", "secret")
    assert remove_login("docker.io", environ)
    assert not kept.exists()


def test_a_name_that_is_not_in_utf_8_is_refused(ours: Ours, registry: Registry) -> None:
    """Nobody is asked whether it is right."""
    result = ours.run(
        "login", registry.host, "-u", "c\udcffi", "--password-stdin", stdin="secret\n"
    )
    assert result.exit_code == 2
    assert "write the name in UTF-8" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_a_file_of_somebody_else_is_replaced_where_that_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that runs by another user than its image was made by."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    file = tmp_path / "config.json"
    file.write_text("{}")
    os.chown(file, 4242, 4242)
    environ = {"DOCKER_CONFIG": str(tmp_path)}

    store_login("registry.example.com", HostLogin("ci", "kept"), environ)
    assert file.stat().st_uid == 4242
    monkeypatch.setattr(os, "fchown", refuse)
    store_login("registry.example.com", HostLogin("ci", "secret"), environ)

    assert find_login("registry.example.com", environment=environ) == HostLogin("ci", "secret")
    assert file.stat().st_uid == os.geteuid()

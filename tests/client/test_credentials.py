"""Logins are found where Docker and containers keep them."""

import base64
import json
import time
from pathlib import Path

import pytest

from lading.client import ClientError, HostLogin, credentials, find_login
from lading.client.answer_headers import parse_challenges


def keep(path: Path, document: object) -> dict[str, str]:
    """Write a file of logins as the only one there is."""
    path.write_text(json.dumps(document))
    return {"REGISTRY_AUTH_FILE": str(path), "PATH": str(path.parent)}


def entry(name: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{name}:{password}".encode()).decode()}


def helper(folder: Path, script: str) -> None:
    path = folder / "docker-credential-here"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_login_of_the_longest_path_counts(tmp_path: Path) -> None:
    environ = keep(
        tmp_path / "auth.json",
        {"auths": {"r.example.com": entry("all", "x"), "r.example.com/team": entry("team", "y:z")}},
    )

    assert find_login("r.example.com", "team/app", environ) == HostLogin("team", "y:z")
    assert find_login("r.example.com", "other/app", environ) == HostLogin("all", "x")
    assert find_login("elsewhere.example.com", "team/app", environ) is None


def test_docker_hub_has_a_name_of_its_own(tmp_path: Path) -> None:
    environ = keep(
        tmp_path / "c.json", {"auths": {"https://index.docker.io/v1/": entry("me", "secret")}}
    )

    assert find_login("docker.io", "library/alpine", environ) == HostLogin("me", "secret")


def test_a_file_of_docker_is_read_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"r:5000": entry("a", "b")}}))

    assert find_login("r:5000", "", {"DOCKER_CONFIG": str(tmp_path)}) == HostLogin("a", "b")


def test_a_helper_is_asked_and_may_know_nothing(tmp_path: Path) -> None:
    environ = keep(tmp_path / "c.json", {"credHelpers": {"r.example.com": "here"}})
    helper(tmp_path, """read host; echo '{"Username": "'$host'", "Secret": "s"}'""")
    assert find_login("r.example.com", "", environ) == HostLogin("r.example.com", "s")

    helper(tmp_path, """echo '{"Username": "<token>", "Secret": "t"}'""")
    assert find_login("r.example.com", "", environ) == HostLogin(refresh_token="t")

    helper(tmp_path, """echo '{"Username": "", "Secret": ""}'""")
    assert find_login("r.example.com", "", environ) is None

    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert find_login("r.example.com", "", environ) is None


def test_a_helper_that_fails_is_named(tmp_path: Path) -> None:
    environ = keep(tmp_path / "c.json", {"credsStore": "here"})
    with pytest.raises(ClientError, match="docker-credential-here does not run"):
        find_login("r.example.com", "", environ)


def test_a_helper_that_hangs_is_waited_for_a_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_SECONDS", 0.2)
    environ = keep(tmp_path / "c.json", {"credHelpers": {"r.example.com": "here"}})
    helper(tmp_path, "exec /bin/sleep 30")

    with pytest.raises(ClientError, match=r"has not answered for 0\.2 seconds") as caught:
        find_login("r.example.com", "", environ)
    assert "docker-credential-here get" in caught.value.advice


def test_a_helper_that_fails_says_why_in_a_line(tmp_path: Path) -> None:
    """What it needs may not be found, which does not mean that there is no login."""
    environ = keep(tmp_path / "c.json", {"credsStore": "here"})
    helper(tmp_path, "echo pass: command; echo not found >&2; exit 127")

    with pytest.raises(
        ClientError, match=r"has no login for r\.example\.com: pass: command not found"
    ):
        find_login("r.example.com", "", environ)


@pytest.mark.parametrize(
    "key", ["docker.io", "index.docker.io", "https://index.docker.io/v2/", "registry-1.docker.io"]
)
def test_docker_hub_is_one_registry_by_all_its_names(tmp_path: Path, key: str) -> None:
    environ = keep(tmp_path / "c.json", {"auths": {key: entry("me", "secret")}})

    assert find_login("docker.io", "library/alpine", environ) == HostLogin("me", "secret")


def test_files_are_looked_at_in_the_order_of_podman(tmp_path: Path) -> None:
    run, config, docker = (
        tmp_path / name
        for name in (
            "run/containers/auth.json",
            "config/containers/auth.json",
            ".docker/config.json",
        )
    )
    environ = {
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    for path, name in ((docker, "docker"), (config, "config"), (run, "run")):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"auths": {"r.example.com": entry(name, "x")}}))
        assert find_login("r.example.com", "", environ) == HostLogin(name, "x")

    own = keep(tmp_path / "own.json", {"auths": {"other.example.com": entry("own", "x")}})
    assert find_login("r.example.com", "", environ | own) is None


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text("{")

    with pytest.raises(ClientError, match=r"auth\.json is no JSON"):
        find_login("r", "", {"REGISTRY_AUTH_FILE": str(path)})


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(HostLogin("me", "secret"))


def test_several_challenges_stand_in_one_header() -> None:
    found = parse_challenges(
        ['Bearer realm="https://t/token?a=b, c",scope="repository:a:pull,push", Basic realm="x"']
    )

    assert [one.scheme for one in found] == ["bearer", "basic"]
    assert found[0].parameters == {
        "realm": "https://t/token?a=b, c",
        "scope": "repository:a:pull,push",
    }


@pytest.mark.parametrize("said", ["no json", "[]", "{}", '{"Username": "a"}', "[" * 100_000])
def test_a_helper_that_says_nothing_of_use_is_named_without_what_it_said(
    tmp_path: Path, said: str
) -> None:
    environ = keep(tmp_path / "c.json", {"credsStore": "here"})
    helper(tmp_path, f"echo '{said}'")

    with pytest.raises(ClientError, match="docker-credential-here gives no login") as caught:
        find_login("r.example.com", "", environ)
    assert said not in str(caught.value)


def test_a_helper_is_a_name_and_no_path(tmp_path: Path) -> None:
    environ = keep(tmp_path / "c.json", {"credsStore": "x/../../bin/evil"})

    with pytest.raises(ClientError, match="no name of a helper"):
        find_login("r.example.com", "", environ)


def test_challenges_without_end_cost_no_time() -> None:
    begun = time.process_time()
    found = parse_challenges([f"Bearer b=c {'a' * 60_000}", "Bearer " + "a=" * 30_000] * 50)

    assert time.process_time() - begun < 10
    assert {one.scheme for one in found} <= {"bearer"}


@pytest.mark.parametrize("said", ["", ",", "Negotiate abc==", '"', 'Bearer realm="', "=", "a b c"])
def test_a_challenge_that_is_none_asks_for_nothing(said: str) -> None:
    assert [one for one in parse_challenges([said]) if one.parameters.get("realm")] == []


@pytest.mark.parametrize(
    "document",
    [
        {"auths": "none"},
        {"auths": {"r.example": "none"}},
        {"auths": {"r.example": {"auth": 5}}},
        {"auths": {"r.example": {"username": 5, "password": ["secret"]}}},
        {"credHelpers": "none"},
        {"credHelpers": {"r.example": 5}},
        {"credsStore": ["secret"]},
    ],
)
def test_what_is_no_login_in_a_file_is_none(document: object, tmp_path: Path) -> None:
    """Files are edited by hand, and by programs that have ways of their own."""
    (tmp_path / "config.json").write_text(json.dumps(document))

    assert find_login("r.example", "app", {"DOCKER_CONFIG": str(tmp_path)}) is None


def test_a_file_of_brackets_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 100_000)

    with pytest.raises(ClientError, match="is no JSON"):
        find_login("r.example", "app", {"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize("body", ["", "\n", "{}", '{"auths": {}}', '{"auths": {"r.example": {}}}'])
def test_a_file_in_which_nothing_is_has_no_login(body: str, tmp_path: Path) -> None:
    """As `mktemp` makes one for REGISTRY_AUTH_FILE, or Docker when all logins are with a helper."""
    path = tmp_path / "auth.json"
    path.write_text(body)

    assert find_login("r.example", "app", {"REGISTRY_AUTH_FILE": str(path)}) is None
    assert find_login("r.example", "app", {"REGISTRY_AUTH_FILE": "/dev/null"}) is None


def test_a_file_may_be_written_by_powershell(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        path = tmp_path / encoding
        path.write_text(json.dumps({"auths": {"r": entry("a", "b")}}), encoding)
        assert find_login("r", "", {"REGISTRY_AUTH_FILE": str(path)}) == HostLogin("a", "b")


@pytest.mark.parametrize("kind", ["folder", "loop"])
def test_a_file_that_is_there_and_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    """Else one would be nobody, and be told to sign in; Docker makes a folder of what it mounts."""
    path = tmp_path / "config.json"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)

    with pytest.raises(ClientError, match=r"config\.json cannot be read"):
        find_login("r.example", "app", {"DOCKER_CONFIG": str(tmp_path)})


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").symlink_to(tmp_path / "gone")

    assert find_login("r", "", {"DOCKER_CONFIG": str(tmp_path)}) is None
    assert find_login("r", "", {"DOCKER_CONFIG": str(tmp_path / "gone")}) is None
    assert find_login("r", "", {"DOCKER_CONFIG": str(tmp_path / "config.json/below")}) is None


def test_a_variable_without_a_value_names_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one of the folder that somebody is in, who has unpacked there what others made."""
    for place in ("config.json", "containers/auth.json", ".docker/config.json"):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"auths": {"r.example": entry("thief", "x")}}))
    own = tmp_path / "home/.docker/config.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"auths": {"r.example": entry("own", "x")}}))
    monkeypatch.chdir(tmp_path)
    variables = ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
    none = dict.fromkeys(variables, "")

    home = {"HOME": str(tmp_path / "home")}
    assert find_login("r.example", "", none | home) == HostLogin("own", "x")
    relative = {"XDG_RUNTIME_DIR": ".", "XDG_CONFIG_HOME": "."}
    assert find_login("r.example", "", none | home | relative) == HostLogin("own", "x")
    assert find_login("r.example", "", none | {"HOME": ""}) != HostLogin("thief", "x")


def test_a_key_as_it_is_asked_for_counts_before_one_of_the_same_meaning(tmp_path: Path) -> None:
    for others in (["https://r.example/v1/", "r.example"], ["r.example", "https://r.example"]):
        auths = {key: entry("old", "x") for key in others} | {"r.example": entry("new", "x")}
        environ = keep(tmp_path / "c.json", {"auths": {key: auths[key] for key in others}})
        assert find_login("r.example", "app", environ) == HostLogin("new", "x")


def test_a_host_may_be_without_the_helper_of_all_others(tmp_path: Path) -> None:
    document = {
        "credsStore": "gone",
        "credHelpers": {"r.example": ""},
        "auths": {"r.example": entry("a", "b")},
    }
    assert find_login("r.example", "", keep(tmp_path / "c.json", document)) == HostLogin("a", "b")
    del document["auths"]
    assert find_login("r.example", "", keep(tmp_path / "c.json", document)) is None


def test_tokens_are_logins(tmp_path: Path) -> None:
    """Azure's clients write a name without a password beside one."""
    auths = {
        "a.example": {**entry("00000000-0000", ""), "identitytoken": "refresh"},
        "b.example": {"registrytoken": "as-it-is"},
    }
    environ = keep(tmp_path / "c.json", {"auths": auths})

    assert find_login("a.example", "", environ) == HostLogin("00000000-0000", "", "refresh")
    assert find_login("b.example", "", environ) == HostLogin(registry_token="as-it-is")


@pytest.mark.parametrize("auth", ["bm9jb2xvbg==", "%%%", "YTpi=Y", "/w=="])
def test_an_entry_that_is_no_login_is_none(auth: str, tmp_path: Path) -> None:
    environ = keep(tmp_path / "c.json", {"auths": {"r.example": {"auth": auth}}})

    assert find_login("r.example", "", environ) is None

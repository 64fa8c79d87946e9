"""Each client logs in, pushes, pulls, is kept out of what is not its own, and logs out.

With passwords alone and with the registry's tokens; without TLS, with the registry's own, and
through nginx that has it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import make_certificates
from tests.support.commands import require, run
from tests.support.docker import Docker
from tests.support.guarded import Guarded, basic, guarded_registry
from tests.support.images import build_layers, random_bytes
from tests.support.layouts import Layout
from tests.support.nginx import BEHIND_NGINX, nginx_with_tls_before
from tests.support.pairs import Pair
from tests.support.podman import private_podman

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

USER, PASSWORD = "writer", b"writer-password"
# How clients put it.
REFUSALS = (
    "denied",
    "unauthorized",
    "forbidden",
    "authentication required",
    "credential not found",
)


@dataclass(frozen=True)
class Place:
    """Where a client finds a registry that wants it to log in.

    Attributes:
        ca: who issued its certificate; `None` if it has none.
    """

    host: str
    guarded: Guarded
    ca: Path | None = None

    def plain(self, *options: str) -> tuple[str, ...]:
        """Options for a registry without TLS, if it is one."""
        return options if self.ca is None else ()

    @property
    def ours(self) -> str:
        """Where the user may push."""
        return f"{self.host}/team/app"

    @property
    def theirs(self) -> str:
        """Where it may not even look."""
        return f"{self.host}/other/app"

    @property
    def public(self) -> str:
        """Where everybody may look."""
        return f"{self.host}/public/app"


@pytest.fixture(
    scope="module",
    params=[(tokens, way) for tokens in (False, True) for way in ("plain", "TLS", "nginx, TLS")],
    ids=lambda param: f"{'tokens' if param[0] else 'passwords'}, {param[1]}",
)
def place(
    request: pytest.FixtureRequest, pair: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A registry with users, in all the ways that there are."""
    tokens, way = request.param
    directory = tmp_path_factory.mktemp("logins")
    stored = pair(directory)
    if way == "plain":
        with guarded_registry(directory, tokens=tokens, **stored) as guarded:
            yield Place(guarded.lading.host, guarded)
        return
    certificates = make_certificates(directory, "127.0.0.1")
    with pytest.MonkeyPatch.context() as machine:
        # As if it were among those that the machine trusts, where all of these clients look.
        machine.setenv("SSL_CERT_FILE", str(certificates.ca))
        if way == "TLS":
            http = {"addr": "127.0.0.1:0", "tls": certificates.tls}
            with guarded_registry(directory, tokens=tokens, http=http, **stored) as guarded:
                yield Place(guarded.lading.host, guarded, certificates.ca)
            return
        with (
            guarded_registry(directory, tokens=tokens, env=BEHIND_NGINX, **stored) as guarded,
            nginx_with_tls_before(guarded.lading, directory, certificates) as host,
        ):
            yield Place(host, guarded, certificates.ca)


def fails(*words: str | Path) -> str:
    """Run a program that must fail; return what it complained of."""
    done = run(words, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode != 0, said
    return said.lower()


def assert_refused(*words: str | Path) -> None:
    """The program fails, and says that it may not; not that something broke."""
    said = fails(*words)
    assert any(word in said for word in REFUSALS), said


def test_crane(place: Place, layout: Layout, tmp_path: Path) -> None:
    require("crane")
    assert_refused("crane", "push", "--index", layout.path, f"{place.ours}:crane")
    run(["crane", "auth", "login", place.host, "-u", USER, "--password-stdin"], stdin=PASSWORD)
    run(["crane", "push", "--index", layout.path, f"{place.ours}:crane"])
    run(["crane", "pull", "--format=oci", f"{place.ours}:crane", tmp_path / "back"])
    assert layout.is_in(tmp_path / "back")
    listed = run(["crane", "catalog", place.host]).stdout.decode().split()
    assert "team/app" in listed
    assert not [name for name in listed if name.startswith("other/")]
    assert_refused("crane", "push", "--index", layout.path, f"{place.theirs}:crane")
    assert_refused("crane", "digest", f"{place.theirs}:crane")
    assert_refused("crane", "delete", f"{place.ours}:crane")
    run(["crane", "auth", "logout", place.host])
    assert_refused("crane", "digest", f"{place.ours}:crane")


def test_skopeo(place: Place, layout: Layout, tmp_path: Path) -> None:
    require("skopeo")
    plain = place.plain("--src-tls-verify=false", "--dest-tls-verify=false")
    checks = place.plain("--tls-verify=false")
    kept = f"--authfile={tmp_path / 'auth.json'}"
    image = f"docker://{place.ours}:skopeo"
    push = ["skopeo", "copy", "--all", *plain, f"oci:{layout.path}:latest"]
    assert_refused(*push, image)
    login = ["skopeo", "login", *checks, kept, "-u", USER, "--password-stdin"]
    run([*login, place.host], stdin=PASSWORD)
    run([*push, kept, image])
    run(["skopeo", "copy", "--all", *plain, kept, image, f"oci:{tmp_path / 'back'}:latest"])
    # From one repository to another, which may be a mount.
    run(["skopeo", "copy", "--all", *plain, kept, image, f"docker://{place.host}/team/copy:v1"])
    assert_refused(*push, kept, f"docker://{place.theirs}:skopeo")
    assert_refused("skopeo", "delete", *checks, kept, image)
    wrong = run([*login, place.host], stdin=b"wrong", check=False)
    assert wrong.returncode != 0


def test_podman(place: Place, layout: Layout, tmp_path: Path) -> None:
    checks = place.plain("--tls-verify=false")
    options = [*checks, f"--authfile={tmp_path / 'auth.json'}"]
    image = f"{place.ours}:podman"
    with private_podman(tmp_path / "s") as podman:
        built = podman.run("pull", f"oci:{layout.path}:latest")
        assert_refused(*podman.command, "push", *checks, built, image)
        login = ["login", *options, "-u", USER, "--password-stdin", place.host]
        podman.run(*login, stdin=PASSWORD)
        podman.push_and_pull_back(built, image, *options)
        assert_refused(*podman.command, "push", *options, built, f"{place.theirs}:podman")
        wrong = run([*podman.command, *login], stdin=b"wrong", check=False)
        assert b"invalid username/password" in wrong.stderr


def test_oras(place: Place, layout: Layout, tmp_path: Path) -> None:
    require("oras")
    plain = place.plain("--plain-http")
    kept = f"--registry-config={tmp_path / 'auth.json'}"
    to = f"--to-registry-config={tmp_path / 'auth.json'}"
    image = f"{place.ours}:oras"
    there = place.plain("--to-plain-http")
    copy = ["oras", "cp", "--from-oci-layout", *there, f"{layout.path}:latest"]
    assert_refused(*copy, image)
    login = ["oras", "login", *plain, kept, "-u", USER, "--password-stdin", place.host]
    run(login, stdin=PASSWORD)
    run([*copy, to, image])
    (tmp_path / "sbom.json").write_text("{}")
    attach = ["oras", "attach", *plain, kept, "--artifact-type=application/spdx+json"]
    run([*attach, image, "sbom.json"], cwd=tmp_path)
    found = run(["oras", "discover", *plain, kept, "--format=json", image])
    assert len(json.loads(found.stdout)["referrers"]) == 1
    assert_refused(*copy, to, f"{place.theirs}:oras")
    assert run(login, stdin=b"wrong", check=False).returncode != 0


def test_helm(place: Place, tmp_path: Path) -> None:
    require("helm")
    run(["helm", "create", tmp_path / "hello"])
    run(["helm", "package", tmp_path / "hello", f"--destination={tmp_path}"])
    plain = place.plain("--plain-http")
    push = ["helm", "push", *plain, str(tmp_path / "hello-0.1.0.tgz")]
    assert_refused(*push, f"oci://{place.host}/team/charts")
    login = ["helm", "registry", "login", *plain, "-u", USER, "--password-stdin"]
    run([*login, place.host], stdin=PASSWORD)
    run([*push, f"oci://{place.host}/team/charts"])
    chart = f"oci://{place.host}/team/charts/hello"
    assert b"version: 0.1.0" in run(["helm", "show", "chart", *plain, chart]).stdout
    assert_refused(*push, f"oci://{place.host}/other/charts")


def test_regctl(place: Place, layout: Layout) -> None:
    require("regctl")
    tls = "disabled" if place.ca is None else "enabled"
    run(["regctl", "registry", "set", "--skip-check", f"--tls={tls}", place.host])
    image = f"{place.ours}:regctl"
    copy = ["regctl", "image", "copy", f"ocidir://{layout.path}:latest"]
    assert_refused(*copy, image)
    run(["regctl", "registry", "login", place.host, "-u", USER, "--pass-stdin"], stdin=PASSWORD)
    run([*copy, image])
    assert run(["regctl", "tag", "ls", place.ours]).stdout.split()
    assert_refused(*copy, f"{place.theirs}:regctl")


def test_curl(place: Place) -> None:
    """A script that knows nothing of tokens, as many have."""
    require("curl")
    scheme = "http" if place.ca is None else "https"
    url = f"{scheme}://{place.host}/v2/team/nothing/tags/list"
    status = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    if place.ca is not None:
        status += ["--cacert", str(place.ca)]
    assert run([*status, url]).stdout == b"401"
    assert run([*status, "--user", f"{USER}:{PASSWORD.decode()}", url]).stdout == b"404"


@pytest.fixture(scope="module", params=[False, True], ids=["passwords", "tokens"])
def inside(
    request: pytest.FixtureRequest,
    docker: Docker,
    pair: Pair,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """The same where a Docker daemon finds it."""
    directory = tmp_path_factory.mktemp("docker")
    sections = pair(directory, docker.network)
    with guarded_registry(
        directory, tokens=request.param, network=docker.network, **sections
    ) as guarded:
        yield Place(guarded.lading.host, guarded)


def test_docker(docker: Docker, inside: Place) -> None:
    image = f"{inside.ours}:docker"
    build_layers(docker, image, random_bytes(1000))
    built = docker.inspect("image", image)["Id"]
    assert "basic auth" in docker.fails("push", image) or "denied" in docker.fails("push", image)

    docker.run("login", "-u", USER, "--password-stdin", inside.host, stdin=PASSWORD)

    assert_kept(docker, inside)
    docker.push_and_pull_back(image)
    docker.run("tag", image, f"{inside.theirs}:docker")
    assert "denied" in docker.fails("push", f"{inside.theirs}:docker")
    docker.run("tag", image, f"{inside.host}/team/second:docker")
    assert "Mounted from team/app" in docker.run("push", f"{inside.host}/team/second:docker")

    docker.run("logout", inside.host)
    docker.run("rmi", "--force", built)
    said = docker.fails("pull", image)
    assert "no basic auth credentials" in said or "denied" in said


def test_docker_with_a_wrong_password(docker: Docker, inside: Place) -> None:
    command = ("login", "-u", USER, "--password-stdin", inside.host)
    done = run(["docker", *command], stdin=b"wrong", check=False, env=docker.environment)
    assert done.returncode != 0
    assert b"unauthorized" in done.stderr.lower()


def test_docker_pulls_without_a_login(docker: Docker, inside: Place) -> None:
    """What everybody may pull; only with tokens, for that is all Docker knows."""
    if inside.guarded.tokens:
        image = f"{inside.public}:docker"
        build_layers(docker, image, random_bytes(1000))
        built = docker.inspect("image", image)["Id"]
        docker.run("login", "-u", "admin", "--password-stdin", inside.host, stdin=b"admin-password")
        docker.run("push", image)
        docker.run("logout", inside.host)
        docker.run("rmi", "--force", built)
        docker.run("pull", image)
        assert "denied" in docker.fails("push", image)


def assert_kept(docker: Docker, place: Place) -> None:
    """What `docker login` keeps: the password, or with tokens a secret that can be taken back."""
    path = Path(docker.environment["DOCKER_CONFIG"]) / "config.json"
    kept: dict[str, Any] = json.loads(path.read_text())["auths"][place.host]
    if place.guarded.tokens:
        assert kept["identitytoken"]
        assert PASSWORD.decode() not in path.read_text()
        assert kept.get("auth", "") != basic(USER).removeprefix("Basic ")
    else:
        assert kept["auth"] == basic(USER).removeprefix("Basic ")

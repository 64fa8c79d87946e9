"""containerd's own way to a registry: with passwords, tokens, and certificates of both sides."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.containerd import Containerd, private_containerd
from tests.support.guarded import guarded_registry
from tests.support.layouts import Layout
from tests.support.network import Network
from tests.support.pairs import Pair

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# That `lading cert` is told: its words are wanted before anything listens.
PORT = 5443
LOGIN = "--user=writer:writer-password"
# In the tests the folder of `config_path` is another one.
CONFIG_PATH = "/etc/containerd/certs.d"


@dataclass(frozen=True)
class Place:
    """A registry with users, and what containerd is told of it.

    Attributes:
        options: of pull and push, beside who it is.
    """

    host: str
    options: tuple[str, ...]


@pytest.fixture(scope="module")
def containerd(scratch: Path, network: Network) -> Iterator[Containerd]:
    with private_containerd(scratch / "containerd", network) as containerd:
        yield containerd


@pytest.fixture(scope="module")
def certificates(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Not for the loopback address, where containerd would ask without TLS."""
    return make_certificates(tmp_path_factory.mktemp("certificates"), network.address, PORT)


WAYS = {
    "without TLS": ("--plain-http",),
    "TLS": ("--tlscacert={bare}/ca.crt",),
    "mutual TLS": (
        "--tlscacert={full}/ca.crt",
        "--tlscert={full}/client.cert",
        "--tlskey={full}/client.key",
    ),
}


@pytest.fixture(
    scope="module",
    params=[(tokens, way) for tokens in (False, True) for way in WAYS],
    ids=lambda param: f"{'tokens' if param[0] else 'passwords'}, {param[1]}",
)
def place(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    network: Network,
    pair: Pair,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """In all the ways that there are."""
    tokens, way = request.param
    tls = {"TLS": certificates.tls, "mutual TLS": certificates.mutual_tls}
    http = {"addr": f"{network.address}:0", "tls": tls.get(way, {})}
    directory = tmp_path_factory.mktemp("containerd")
    sections = {"http": http, **pair(directory, network)}
    with guarded_registry(directory, tokens=tokens, network=network, **sections) as guarded:
        folders = {"full": certificates.full, "bare": certificates.bare}
        yield Place(guarded.lading.host, tuple(word.format(**folders) for word in WAYS[way]))


def test_it_logs_in_and_pushes_and_pulls(
    containerd: Containerd, place: Place, layout: Layout
) -> None:
    """And does neither without a login, with a wrong one, or where it may not."""
    ours, theirs = (f"{place.host}/{name}:latest" for name in ("team/app", "other/app"))
    push = ("images", "push", *place.options)
    pull = ("images", "pull", *place.options, "--all-platforms", "--snapshotter=native")
    containerd.add(layout, ours)

    assert_refused(containerd.fails(*push, ours))
    assert_refused(containerd.fails(*push, "--user=writer:wrong", ours))
    assert_refused(containerd.fails(*push, LOGIN, theirs, ours))
    containerd.ctr(*push, LOGIN, ours)
    containerd.forget(ours)

    assert_refused(containerd.fails(*pull, ours))
    containerd.ctr(*pull, LOGIN, ours)
    assert containerd.has(layout, ours)
    containerd.forget(ours)


def assert_refused(said: str) -> None:
    """It says that it may not, and not that something broke."""
    words = ("401 Unauthorized", "403 Forbidden", "authorization failed", "insufficient_scope")
    assert any(word in said for word in words), said


def test_it_finds_certificates_where_lading_cert_says(
    containerd: Containerd,
    certificates: Certificates,
    network: Network,
    pair: Pair,
    layout: Layout,
    tmp_path: Path,
) -> None:
    """The files, and every line of hosts.toml, as they are printed."""
    http = {"addr": f"{network.address}:{PORT}", "tls": certificates.mutual_tls}
    folder = tmp_path / "certs.d" / f"{network.address}:{PORT}"
    folder.mkdir(parents=True)
    for name in ("ca.crt", "client.cert", "client.key"):
        assert f"{CONFIG_PATH}/{folder.name}/{name}" in certificates.for_client + (
            certificates.for_server
        )
        (folder / name).write_bytes((certificates.full / name).read_bytes())
    of_server = printed(certificates.for_server, "beside it hosts.toml:")
    of_client = printed(certificates.for_client, "in hosts.toml, below ca:")
    sections = {"http": http, **pair(tmp_path, network)}
    with guarded_registry(tmp_path, network=network, **sections) as guarded:
        image = f"{guarded.lading.host}/team/hosts:latest"
        push = ("images", "push", f"--hosts-dir={tmp_path / 'certs.d'}", LOGIN, image)
        containerd.add(layout, image)

        write(folder / "hosts.toml", of_server)
        # The registry is trusted, and does not trust the client yet.
        assert "unknown authority" not in containerd.fails(*push)
        write(folder / "hosts.toml", of_server + of_client)
        containerd.ctr(*push)

        containerd.forget(image)


def printed(said: str, after: str) -> str:
    """The lines that follow one, as far as they are indented by more than it is."""
    before, _, rest = said.partition(f"{after}\n")
    indent = len(before.rpartition("\n")[2]) - len(before.rpartition("\n")[2].lstrip())
    found = re.match(rf"(?: {{{indent + 1},}}\S.*\n)+", rest)
    assert found, said
    return dedent(found[0])


def write(path: Path, text: str) -> None:
    """Write the file, with the test's own folder in place of containerd's."""
    assert CONFIG_PATH in text
    path.write_text(text.replace(CONFIG_PATH, str(path.parents[1])))

"""Pushes by real clients: what is packed becomes layouts on disk, and each client pushes some."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.commands import require, require_root, run
from tests.support.guarded import basic
from tests.support.pushes import Json, digest_of, encode
from tests.ui.browser.cargo import HOSTILE, pack

SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
CHART = f"""
apiVersion: v2
name: chart
version: 1.2.3
description: {json.dumps(HOSTILE)}
"""


@dataclass
class LayoutFolder:
    """A repository as an OCI layout, as specified by the image-spec's image-layout.md.

    Attributes:
        path: of its directory.
        tagged: the digest of each tag.
        untagged: digests of manifests that no tag has, and no index.
    """

    path: Path
    tagged: dict[str, str] = field(default_factory=dict)
    untagged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self._write([])

    def blob(self, digest: str) -> bytes:
        """The bytes of a blob."""
        return self._file(digest).read_bytes()

    def push_blob(self, data: bytes) -> str:
        """Add a blob; its digest."""
        digest = digest_of(data)
        file = self._file(digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return digest

    def push_manifest(self, document: Json, reference: str = "") -> str:
        """Add a manifest, perhaps with a tag; its digest."""
        body = encode(document)
        digest = self.push_blob(body)
        self.untagged -= {digest, *(child["digest"] for child in document.get("manifests", ()))}
        if not reference:
            self.untagged.add(digest)
            return digest
        self.tagged[reference] = digest
        self._name(document["mediaType"], len(body), reference)
        return digest

    def _file(self, digest: str) -> Path:
        return self.path / "blobs" / digest.replace(":", "/")

    def _name(self, media_type: str, size: int, tag: str) -> None:
        """Write a tag into `index.json`."""
        known = json.loads((self.path / "index.json").read_text())["manifests"]
        described = {"mediaType": media_type, "digest": self.tagged[tag], "size": size}
        named = {**described, "annotations": {"org.opencontainers.image.ref.name": tag}}
        self._write([*known, named])

    def _write(self, manifests: Sequence[Json]) -> None:
        index = {"schemaVersion": 2, "manifests": manifests}
        (self.path / "index.json").write_text(json.dumps(index))


@dataclass(frozen=True)
class Dock:
    """Where clients run, with a home of their own in which they are logged in.

    Attributes:
        host: the registry.
    """

    host: str
    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir()
        self._write({})

    def run(self, *words: str | Path, cwd: Path | None = None) -> None:
        """Run a client."""
        require(str(words[0]))
        config = str(self.home / "config.json")
        places = {"REGISTRY_AUTH_FILE": config, "HELM_REGISTRY_CONFIG": config}
        env = {"HOME": str(self.home), "DOCKER_CONFIG": str(self.home), **places}
        run(words, cwd=cwd, env=env)

    def log_in(self, name: str) -> None:
        """Write down a login, as `docker login` does."""
        auth = basic(name).removeprefix("Basic ")
        self._write({self.host: {"auth": auth}})

    def _write(self, logins: Json) -> None:
        (self.home / "config.json").write_text(json.dumps({"auths": logins}))


Shipped = Callable[[Dock, LayoutFolder, str, str], None]
"""Pushes a tag of a layout to a name in the registry."""


def by_skopeo(dock: Dock, layout: LayoutFolder, name: str, tag: str) -> None:
    """`skopeo copy`, with all platforms."""
    source, target = f"oci:{layout.path}:{tag}", f"docker://{dock.host}/{name}:{tag}"
    dock.run("skopeo", "copy", "--quiet", "--all", "--dest-tls-verify=false", source, target)


def by_regctl(dock: Dock, layout: LayoutFolder, name: str, tag: str) -> None:
    """`regctl image copy`; what has no tag, by its digest."""
    end = f"@{tag}" if ":" in tag else f":{tag}"
    host = f"--host=reg={dock.host},tls=disabled"
    source, target = f"ocidir://{layout.path}{end}", f"{dock.host}/{name}{end}"
    dock.run("regctl", host, "image", "copy", source, target)


def by_oras(dock: Dock, layout: LayoutFolder, name: str, tag: str) -> None:
    """`oras cp`."""
    target = f"{dock.host}/{name}:{tag}"
    source = f"{layout.path}:{tag}"
    dock.run("oras", "cp", "--from-oci-layout", "--to-plain-http", source, target)


def by_crane(dock: Dock, layout: LayoutFolder, name: str, tag: str) -> None:
    """`crane push`, of a layout that has one image."""
    dock.run("crane", "push", layout.path, f"{dock.host}/{name}:{tag}")


def by_podman(dock: Dock, layout: LayoutFolder, name: str, tag: str) -> None:
    """`podman push`, of what podman has in its own storage."""
    require_root()
    places = [f"--root={dock.home / 's'}", f"--runroot={dock.home / 'r'}", "--storage-driver=vfs"]
    folder = layout.path  # its path gives podman's name of it, and a temporary one may end in "_"
    dock.run("podman", *places, "pull", "--quiet", f"oci:{folder.name}:{tag}", cwd=folder.parent)
    config = json.loads(layout.blob(layout.tagged[tag]))["config"]["digest"]
    image = config.removeprefix("sha256:")  # podman's own name of it
    target = f"{dock.host}/{name}:{tag}"
    dock.run("podman", *places, "push", "--quiet", "--tls-verify=false", image, target)


CLIENTS: Mapping[str, Shipped] = {
    "team/service": by_skopeo,
    "team/gateway": by_regctl,
    "public/hostile": by_oras,
    "team/worker": by_podman,
    "team/only-by-digest": by_regctl,
    "base/debian": by_oras,
    "public/tool": by_skopeo,
}
"""Who pushes what; all else is crane's."""


def ship(dock: Dock) -> None:
    """Have real clients push what a small team has after a while, and a chart, and a signature."""
    layouts: dict[str, LayoutFolder] = {}

    def layout_of(name: str) -> LayoutFolder:
        return layouts.setdefault(name, LayoutFolder(dock.home / "layouts" / name))

    pack(layout_of)
    with ThreadPoolExecutor(2) as pool:
        shipped = [pool.submit(_ship, dock, name, layout) for name, layout in layouts.items()]
        shipped.append(pool.submit(_ship_chart, dock))
        for each in shipped:
            each.result()
    _sign(dock, f"{dock.host}/team/service:latest")
    _sign(dock, f"{dock.host}/public/tool:1.0")


def _ship(dock: Dock, name: str, layout: LayoutFolder) -> None:
    """Push all that a repository has; more tags of one image are moved there by crane."""
    client, pushed = CLIENTS.get(name, by_crane), dict[str, str]()
    for tag, digest in layout.tagged.items():
        if digest in pushed:
            dock.run("crane", "tag", f"{dock.host}/{name}:{pushed[digest]}", tag)
        else:
            client(dock, layout, name, tag)
            pushed[digest] = tag
    for digest in () if layout.tagged else layout.untagged:
        client(dock, layout, name, digest)


def _ship_chart(dock: Dock) -> None:
    folder = dock.home / "chart"
    folder.mkdir()
    (folder / "Chart.yaml").write_text(CHART)
    (folder / "README.md").write_text(HOSTILE)
    dock.run("helm", "package", folder, f"--destination={dock.home}")
    packed = dock.home / "chart-1.2.3.tgz"
    dock.run("helm", "push", "--plain-http", packed, f"oci://{dock.host}/public")


def _sign(dock: Dock, image: str) -> None:
    """Attach what says something of an image."""
    (dock.home / "bundle.json").write_text("{}")
    kind = f"--artifact-type={SIGNATURE}"
    dock.run("oras", "attach", "--plain-http", kind, image, "bundle.json", cwd=dock.home)

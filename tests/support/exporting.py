"""Exports of a registry, and what a registry of Distribution would see of them."""

from pathlib import Path

from lading.blobs.layout import Layout
from lading.blobs.link_writer import LinkWriter
from lading.core.digest import Digest
from lading.core.manifest_document import parse
from lading.services.moving.export import Export
from lading.services.registry import Registry
from tests.support.distribution import Tree
from tests.support.progress import Watched


def export_of(
    registry: Registry, root: Path, *, at_home: bool, writer: type[LinkWriter] = LinkWriter
) -> Export:
    """Return the export of a registry into a directory."""
    layout = Layout(root)
    Path(layout.repositories).mkdir(parents=True, exist_ok=True)
    return Export(registry, writer(layout), at_home, "a test", Watched())


def served(tree: Tree) -> dict[str, str]:
    """All tags that a registry of Distribution would serve, whole, with their digests.

    Raises:
        AssertionError: it would serve something of which a part is not there.
    """
    found: dict[str, str] = {}
    repositories = tree.root / "docker/registry/v2/repositories"
    for link in repositories.rglob("current/link"):
        name = str(link.parents[4].relative_to(repositories))
        digest = link.read_text()
        assert_whole(tree, name, digest)
        found[f"{name}:{link.parents[1].name}"] = digest
    return found


def assert_whole(tree: Tree, name: str, digest: str) -> None:
    """A manifest is linked, and all that it needs is."""
    assert tree.revision_link(name, digest).read_text() == digest
    body = tree.data(digest).read_bytes()
    assert Digest.of(body) == digest
    for edge in parse(body, "", "sha256").edges:
        if edge.kind == "manifest":
            assert_whole(tree, name, edge.child)
        else:
            assert tree.layer_link(name, edge.child).read_text() == edge.child
            assert Digest.of(tree.data(edge.child).read_bytes()) == edge.child

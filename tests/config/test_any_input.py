"""Whatever a file or the environment holds: settings, or a ConfigurationError. Nothing else."""

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.config.document import ConfigurationError
from lading.config.loading import load
from lading.config.schema import Node, build_tree
from lading.config.settings import Settings


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name one file for all examples."""
    return tmp_path_factory.mktemp("any") / "config.yml"


def try_to_load(path: Path | None, environ: dict[str, str]) -> None:
    """Load, and let only what is allowed go wrong."""
    with contextlib.suppress(ConfigurationError):
        load(path, environ)


def keys_below(node: Node, prefix: str = "") -> list[str]:
    """List every known key."""
    keys = [prefix] if prefix else []
    for name, child in node.children.items():
        keys += keys_below(child, f"{prefix}_{name}".removeprefix("_"))
    return keys


KEYS = keys_below(build_tree(Settings))
SCALARS = st.sampled_from(
    ["", "1", "-1", "true", "none", "1h", ":5000", "[a]", "{a: b}", "!x y", "*a", "[", "\0", "/a/"]
)
TEXTS = st.one_of(SCALARS, st.text(max_size=12))
NAMES = st.builds(
    lambda key, more: "_".join(["REGISTRY", key.upper(), *more]),
    st.sampled_from(KEYS),
    st.lists(st.sampled_from(["0", "1", "A", "", "x-y"]), max_size=2),
)
WORDS = st.sampled_from(sorted({part for key in KEYS for part in key.split("_")}))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), TEXTS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(WORDS, TEXTS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(content=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda t: t.encode())))
def test_any_bytes(path: Path, content: bytes) -> None:
    """A file of any bytes."""
    path.write_bytes(content)
    try_to_load(path, {})


@given(content=st.text(alphabet="ab01:-?!&*#<|>%@[]{}~,.'\"\\ \n\tux", max_size=60))
def test_any_yaml_syntax(path: Path, content: str) -> None:
    """A file of the characters that mean something to YAML."""
    path.write_text("version: 0.1\n" + content, encoding="utf-8")
    try_to_load(path, {})


@given(tree=TREES, environ=st.dictionaries(NAMES, TEXTS, max_size=3))
@settings(max_examples=200)
def test_any_values(path: Path, tree: object, environ: dict[str, str]) -> None:
    """A file of known keys with values of every kind, and variables over it."""
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try_to_load(path, environ)


@given(
    environ=st.dictionaries(st.one_of(NAMES, st.text(max_size=9).map("REGISTRY_".__add__)), TEXTS)
)
def test_any_environment(environ: dict[str, str]) -> None:
    """Variables of any name and value."""
    try_to_load(None, environ)

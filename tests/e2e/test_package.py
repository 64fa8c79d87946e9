"""The wheel and the source distribution: built, checked, and used by somebody's project."""

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lading import __version__
from tests.support.commands import REPOSITORY

pytestmark = pytest.mark.e2e

PROJECT = """
import subprocess, sys

def test_push(lading_registry):
    digest = lading_registry.push_image("app:1", files={"etc/motd": "hello"})
    assert lading_registry.digest("app:1") == digest

def test_login(make_lading_registry):
    registry = make_lading_registry(users={"ci": "secret"}, tls=True)
    assert registry.env()["SSL_CERT_FILE"]

def test_it_is_the_wheel():
    import lading
    assert "site-packages" in lading.__file__
"""


@dataclass(frozen=True)
class Built:
    """What was built of this repository."""

    wheel: Path
    source: Path


def run(*words: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command, which must succeed; return what it printed."""
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The wheel is built of the source distribution, which so is known to have all it takes."""
    target = tmp_path_factory.mktemp("dist")
    words: list[str | Path] = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        target,
        REPOSITORY,
    ]
    run(*words, cwd=target)
    [wheel], [source] = target.glob("*.whl"), target.glob("*.tar.gz")
    return Built(wheel, source)


@pytest.fixture(scope="module")
def python(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel, and with what it depends on: that of this run, as a path."""
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin/python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        f"--python={python}",
        "install",
        "--quiet",
    ]
    run(*pip, "--no-deps", "--no-index", built.wheel, cwd=folder)
    [packages] = folder.glob("lib/python*/site-packages")
    # Packages alone: what is installed for editing takes a file that is not read from there.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_both_can_be_published(built: Built) -> None:
    """As far as `twine check` can tell."""
    words: list[str | Path] = [
        sys.executable,
        "-m",
        "twine",
        "check",
        "--strict",
        built.wheel,
        built.source,
    ]

    assert run(*words, cwd=built.wheel.parent).count("PASSED") == 2


def test_the_wheel_has_the_package_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(f"lading-{__version__}.dist-info/METADATA").decode()

    assert {name.split("/")[0] for name in names} == {"lading", f"lading-{__version__}.dist-info"}
    assert "lading/py.typed" in names
    assert "Provides-Extra: pytest" in metadata
    in_tree = {
        str(path.relative_to(REPOSITORY / "src"))
        for path in (REPOSITORY / "src/lading").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert in_tree <= set(names)


def test_the_source_has_what_its_tests_need(built: Built) -> None:
    with tarfile.open(built.source) as source:
        names = {name.partition("/")[2] for name in source.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "tests/conftest.py"} <= names


def test_the_command_is_of_the_version_that_was_installed(python: Path) -> None:
    said = run(python.with_name("lading"), "--version", cwd=python.parent)
    asked = "from importlib.metadata import version; print(version('lading'))"

    assert said == f"lading {run(python, '-c', asked, cwd=python.parent).strip()}\n"


def test_a_project_has_its_registries(python: Path, tmp_path: Path) -> None:
    """The plugin is found by its entry point, where each warning is an error."""
    (tmp_path / "test_project.py").write_text(PROJECT)

    words: list[str | Path] = [python, "-m", "pytest", "-W", "error", "-p", "no:asyncio", tmp_path]

    assert "3 passed" in run(*words, cwd=tmp_path)

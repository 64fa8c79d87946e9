"""The plugin of pytest, as somebody's tests use it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What only some registries need, and nobody's tests should wait for.
HEAVY = {
    "bcrypt", "cryptography", "isal", "jinja2", "jwt", "obstore", "prometheus_client", "psycopg",
    "pydantic", "rich", "urllib3", "yaml", "zstandard",
}  # fmt: skip

SAMPLE = """
import urllib.request

import pytest


def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


@pytest.mark.parametrize("number", range(3))
def test_each_finds_it_empty(lading_registry, number):
    assert lading_registry.repositories() == []
    assert lading_registry.events == []
    lading_registry.push_image("app:1", files={"number": str(number)})
    lading_registry.fail(times=5)


def test_it_answers(lading_registry):
    lading_registry.push_image("app:1")
    assert b'"1"' in get(f"{lading_registry.url}/v2/app/tags/list")


def test_what_is_shared_is_pushed(lading_server, lading_registry):
    lading_server.push_image("base:1")
    assert lading_registry.repositories() == []


def test_what_is_shared_stays(lading_server):
    assert lading_server.tags("base") == ["1"]


def test_more_are_made(make_lading_registry, lading_registry):
    one, other = make_lading_registry(users={"ci": "secret"}), make_lading_registry(delete=False)
    assert len({one.host, other.host, lading_registry.host}) == 3
"""


def run_pytest(folder: Path, *options: str) -> str:
    """Run somebody's tests, which must pass; return what pytest said.

    The plugin is named, as an environment that was made before it was there does not know it.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "lading.pytest_plugin", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tests_have_registries(tmp_path: Path) -> None:
    """Also where each warning is an error."""
    (tmp_path / "test_sample.py").write_text(SAMPLE)

    assert "7 passed" in run_pytest(tmp_path)


def test_processes_of_xdist_have_registries_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)

    assert "7 passed" in run_pytest(tmp_path, "-p", "xdist", "-n", "2", "--dist", "loadfile")


def test_who_asks_for_no_registry_loads_none(tmp_path: Path) -> None:
    """The plugin is in every run of pytest where it is installed."""
    (tmp_path / "test_sample.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    ours = {name for name in sys.modules if name.startswith('lading')}\n"
        "    assert ours == {'lading', 'lading.pytest_plugin'}\n"
    )

    run_pytest(tmp_path)


@pytest.mark.parametrize(
    ("how", "most"),
    [
        ("from lading.testing import Registry; Registry().close()", 385),
        ("from lading.embed import create_app; create_app()", 325),
    ],
)
def test_what_some_registries_need_is_not_loaded_for_others(how: str, most: int) -> None:
    """Counted in modules, as seconds depend on what else a machine does."""
    program = f"import sys; {how}; print(len(sys.modules), *sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert {name.partition(".")[0] for name in said[1:]} & HEAVY == set()
    assert int(said[0]) < most

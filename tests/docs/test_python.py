"""docs/python.md: every example of it runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY

EXAMPLES = re.findall(
    r"^```python\n(.*?)^```", (REPOSITORY / "docs/python.md").read_text(), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("example", [text for text in EXAMPLES if "def test_" not in text])
def test_an_example_runs(example: str, tmp_path: Path) -> None:
    """As a program of its own, where each warning is an error."""
    (tmp_path / "example.py").write_text(example)

    subprocess.run(
        [sys.executable, "-W", "error", "example.py"], cwd=tmp_path, check=True, timeout=60
    )


def test_the_examples_of_tests_pass(tmp_path: Path) -> None:
    """All of them in one run of pytest."""
    tests = [text for text in EXAMPLES if "def test_" in text]
    for number, text in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "lading.pytest_plugin"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )

    assert done.returncode == 0, done.stdout
    assert f"{len(tests)} passed" in done.stdout

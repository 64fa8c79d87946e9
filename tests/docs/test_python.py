"""docs/python.md: every example of it runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pytest_plugin.test_pytest_plugin import run_pytest
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

    assert f"{len(tests)} passed" in run_pytest(tmp_path)

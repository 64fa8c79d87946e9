"""Modules of a server: all are loaded before it accepts, so that no request waits for one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.registry import HASH
from tests.support.commands import REPOSITORY

# Python's own, for the first template that is read and the first file that is sent with a page.
SMALL = {"encodings.unicode_escape", "importlib.readers", "importlib.resources._adapters"}


@pytest.mark.parametrize("logins", [False, True], ids=["open", "logins"])
def test_no_request_loads_a_module(tmp_path: Path, logins: bool) -> None:
    users = tmp_path / "users"
    users.write_text(f"alice:{HASH}\n")
    auth = {"htpasswd": {"path": str(users)}, "tokens": {}} if logins else {}
    program = [sys.executable, "-m", "tests.wiring.late_imports"]
    served = subprocess.run(
        [*program, str(tmp_path / "data"), json.dumps(auth)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert set(served.stdout.split()) - SMALL == set()

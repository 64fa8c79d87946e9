"""Commands: the real programs that the end-to-end tests are about, and running them.

A test says what it needs with `require`; what a developer does not have skips it with the one line
that installs it, and what CI does not have fails it, so that a green CI has run everything.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CACHE = Path(os.environ.get("LADING_E2E_CACHE", "~/.cache/lading-e2e")).expanduser()
# The pinned tools come first; sbin because a plain login does not look there.
SEARCH_PATH = f"{CACHE / 'bin'}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
IN_CI = bool(os.environ.get("CI"))


def missing(reason: str) -> None:
    """Skip the test for a reason in one line; in CI, fail."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def require(*programs: str) -> None:
    """Skip the test unless every program is there."""
    absent = [name for name in programs if not shutil.which(name, path=SEARCH_PATH)]
    if absent:
        missing(f"needs {', '.join(absent)}: run `make e2e-tools`")


def require_root() -> None:
    """Skip the test unless it may make namespaces and containers."""
    if os.geteuid() != 0:
        missing("needs root, for containers and network namespaces: run `sudo make e2e`")


def run(
    command: Sequence[str | Path],
    *,
    check: bool = True,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; if it fails, so does the test, with all that the program said."""
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(env),
        timeout=timeout,
    )
    if check and done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        pytest.fail(f"{' '.join(map(str, command))}\nexited with {done.returncode}:\n{said}")
    return done


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with the pinned tools found first."""
    return {**os.environ, "PATH": SEARCH_PATH, **(extra or {})}

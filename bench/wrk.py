"""The load of many small requests: wrk, which is not the bottleneck (see `Result.generator`)."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.http import UnexpectedAnswer

_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to; times in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def load(
    port: int,
    path: str,
    *,
    connections: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """GET one path over and over.

    Raises:
        UnexpectedAnswer: a request failed.
    """
    # What comes late is measured as late, and has not failed.
    command = ["wrk", "--threads=1", f"--connections={connections}", "--timeout=30s"]
    command += [f"--duration={max(1, round(seconds))}s", f"--script={_SCRIPT}"]
    command += [f"--header={name}: {value}" for name, value in (headers or {}).items()]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise UnexpectedAnswer(f"wrk ended with {done.returncode} asking for {path}: {said}")
    result = json.loads(done.stdout.splitlines()[-1])
    failed = result.pop("failed")
    if failed:
        raise UnexpectedAnswer(f"{failed} of {result['requests']} requests for {path} failed")
    return Load(**result)

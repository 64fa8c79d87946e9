"""How long it takes to collect 1,000 blobs, by what else is stored."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import yaml

from bench.collection.filling import delete, fill

COLLECTED = 1_000
STORED = (2_000, 200_000)
ROUNDS = 3


def measure() -> Mapping[int, float]:
    """Seconds that `lading garbage-collect` takes, start and end of the program included."""
    found = {}
    for stored in STORED:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory) / "data"
            fill(root, "kept", stored - COLLECTED)
            found[stored] = median(_collect(root, f"garbage{n}") for n in range(ROUNDS))
    return found


def report(seconds: Mapping[int, float]) -> str:
    """A table."""
    lines = ["| blobs stored | collecting 1,000 of them |", "|---|---|"]
    lines += [f"| {stored:,} | {taken:.2f} s |" for stored, taken in seconds.items()]
    return "\n".join(lines) + "\n"


def _collect(root: Path, name: str) -> float:
    delete(root, fill(root, name, COLLECTED))
    config = root.with_suffix(".yml")
    config.write_text(yaml.safe_dump(_settings(root)))
    started = time.perf_counter()
    said = subprocess.run(_command(config), check=True, capture_output=True, text=True).stdout
    taken = time.perf_counter() - started
    assert f"{COLLECTED} blobs" in said, said
    return taken


def _settings(root: Path) -> Mapping[str, object]:
    return {"version": "0.1", "storage": {"filesystem": {"rootdirectory": str(root)}}}


def _command(config: Path) -> Sequence[str]:
    lading = Path(sys.executable).with_name("lading")
    return [str(lading), "garbage-collect", "--quiet", str(config)]

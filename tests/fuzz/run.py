"""Runs one target for some time, guided by coverage: `python -m tests.fuzz.run NAME SECONDS`.

What it has found interesting stays in `.cache/fuzz/NAME`, and is where the next run begins. What
makes a target fail is written to `.cache/fuzz/NAME.failures`.
"""

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lading"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS

CACHE = Path(".cache/fuzz")


def main(name: str, seconds: str) -> None:
    """Fuzz a target."""
    logging.disable()
    corpus, failures = CACHE / name, CACHE / f"{name}.failures"
    for directory in (corpus, failures):
        directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={failures}/",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

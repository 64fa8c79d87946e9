"""What figures were measured on, in a line."""

import os
import platform
import re
import sqlite3
from pathlib import Path

from bench.content import MIB


def describe() -> str:
    """Processor, memory, file system, versions."""
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    processor = found.group(1) if found else platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MIB / 1024
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} × {processor}, {memory:.0f} GiB, Linux {platform.release()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )

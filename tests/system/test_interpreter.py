"""A process that is tuned gives memory back, and lets its threads take turns."""

import subprocess
import sys

# Blocks that grow, as manifests do: each that is freed would raise glibc's threshold over the next.
_PROGRAM = r"""
import re, sys
from pathlib import Path
from lading.system import interpreter

interpreter.tune()
for size in range(1, 31):
    bytearray(size << 20)
blocks = [bytearray(b"x") * (4 << 20) for _ in range(20)]
last = bytearray(b"x") * (1 << 20)  # what comes after them would keep the heap from shrinking
del blocks
print(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])
print(sys.getswitchinterval())
"""


def test_large_blocks_are_given_back_and_turns_are_short() -> None:
    resident, turn = subprocess.check_output([sys.executable, "-c", _PROGRAM]).split()

    assert int(resident) < 40_000
    assert float(turn) <= 0.001

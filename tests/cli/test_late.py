"""Modules that commands import late: loaded when something of them is needed, by this thread."""

import sys
import threading

from lading.cli.late import Late, late
from tests.support.commands import run

IMPORTS = """\
import sys
from lading.cli.late import late

with late():
    import colorsys
    from lading.core import versions
    from lading.core.versions import natural

names = {"colorsys", "lading.core", "lading.core.versions"}
assert not names & {*sys.modules}
assert versions.natural("1.10") > versions.natural("1.9")
assert names & {*sys.modules} == {"lading.core", "lading.core.versions"}
assert colorsys.rgb_to_hsv(0, 0, 1)[2] == 1

from lading.core import globs

assert globs is sys.modules["lading.core.globs"]
"""


def test_what_a_block_imports_is_loaded_when_something_of_it_is_needed() -> None:
    """And what is imported after the block is loaded at once."""
    run([sys.executable, "-c", IMPORTS])


def test_what_another_thread_imports_meanwhile_is_not_late() -> None:
    found = []

    def load() -> None:
        from lading.core import versions  # noqa: PLC0415 - while the block below runs

        found.append(versions)

    with late():
        from lading.core import versions as expected  # noqa: PLC0415

        thread = threading.Thread(target=load)
        thread.start()
        thread.join()

    assert isinstance(expected, Late)
    assert found == [sys.modules["lading.core.versions"]]

"""Modules that commands import late: loaded when something of them is needed, by this thread."""

import builtins
import sys
import threading
from types import ModuleType

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


def test_who_imports_by_the_function_itself_meanwhile_gets_what_it_asks_for() -> None:
    """As importers do that are written in Python: by keywords, or by a name alone."""
    found = []

    def load() -> None:
        found.append(__import__("lading.core.versions", fromlist=["natural"]))
        found.append(__import__("sys"))

    with late():
        thread = threading.Thread(target=load)
        thread.start()
        thread.join()
        load()

    assert found == [sys.modules["lading.core.versions"], sys.modules["sys"]] * 2


def test_what_another_module_imports_within_a_block_is_not_late() -> None:
    """As a finalizer does, which runs wherever it comes to."""
    other = ModuleType("other")
    exec("def finalize():\n    import sys\n    return sys", other.__dict__)

    with late():
        assert other.finalize() is sys


def test_blocks_of_two_threads_leave_nothing_behind() -> None:
    """Modules that are loaded at once, by threads that need them late."""
    usual = builtins.__import__
    begun, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with late():
            begun.set()
            may_end.wait(10)

    def second() -> None:
        with late():
            may_end.wait(10)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    begun.wait(10)
    threads[1].start()
    threads[1].join(0.1)
    may_end.set()
    for thread in threads:
        thread.join()

    left, builtins.__import__ = builtins.__import__, usual
    assert left is usual

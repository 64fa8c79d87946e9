"""Modules that are loaded when something of them is needed, so that help needs none of them."""

import builtins
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import RLock, get_ident
from types import ModuleType, SimpleNamespace
from typing import Any

# Held by the block that is running: of two at once the one that began later would put back what
# the other had in the place of Python's own.
_one_block = RLock()


class Late:
    """A module that is not loaded yet; what is asked of it is asked of the one that it stands for.

    A class that is imported late can be written in annotations, and nowhere else.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        """What the module has under a name."""
        if self._module is None:
            self._module = _load(self._name)
        return getattr(self._module, name)


def _load(name: str) -> ModuleType:
    """Load a module.

    Raises:
        KeyboardInterrupt: what was interrupted were others that are loaded to a half now. An
            `except` that names this one asks for it just then, and it cannot be had any more.
    """
    try:
        with without_collector():
            return import_module(name)
    except Exception as error:
        before: BaseException | None = error
        while before is not None and not isinstance(before, KeyboardInterrupt):
            before = before.__context__
        if before is None:
            raise
        raise before from None


@contextmanager
def late() -> Iterator[None]:
    """Have the modules that a block imports be late; it names them as checkers of types read them.

        with late():
            from lading.services import trash

    Python 3.15 has `lazy from` for that (PEP 810). What others import meanwhile is not late: other
    threads, and other modules, as of finalizers and of handlers of signals.
    """
    thread, module = get_ident(), sys._getframe(2).f_globals  # noqa: SLF001 - the block's

    def find(name: str, *others: Any, **words: Any) -> Any:
        if get_ident() != thread or not others or others[0] is not module:
            return at_once(name, *others, **words)
        wanted: Sequence[str] = others[2] or ()
        if not wanted:
            return Late(name)
        return SimpleNamespace(**{each: Late(f"{name}.{each}") for each in wanted})

    with _one_block:
        at_once = builtins.__import__
        builtins.__import__ = find
        try:
            yield
        finally:
            builtins.__import__ = at_once


@contextmanager
def without_collector() -> Iterator[None]:
    """Look for no garbage while modules are loaded: there is none, and it takes a tenth longer.

    Nor later among what they have, which is needed to the end: there it would be looked through
    once more, which takes a tenth of the time of a short command, too.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()

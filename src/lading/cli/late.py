"""Modules that are loaded when something of them is needed, so that help needs none of them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class Late:
    """A module that is not loaded yet; what is asked of it is asked of the one that it stands for.

    A checker of types is shown the module itself:

        if TYPE_CHECKING:
            from lading.services import trash
        else:
            trash = Late("lading.services.trash")
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        """What the module has under a name."""
        if self._module is None:
            with without_collector():
                self._module = import_module(self._name)
        return getattr(self._module, name)


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

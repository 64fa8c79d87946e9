"""Nothing that changes belongs to the process: two registries in one share nothing."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum

import lading

# They are made once and only read, but for three: names of headers as they are written, once found,
# the static files of pages, once read, and modules that commands load when they need them.
CONSTANT = {"Assets", "Late", "LazyGroup", "Refusal", "Unmeasured", "_Beginnings"}


def globals_of_ours() -> Iterator[tuple[str, object]]:
    """All values of modules whose class is one of this program's, by where they are."""
    for module in pkgutil.walk_packages(lading.__path__, "lading."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if type(value).__module__.startswith("lading."):
                    yield f"{module.name}.{name}", value


def may_change(value: object) -> bool:
    """Whether a value is more than a constant."""
    kind = type(value)
    if isinstance(value, Enum | str | tuple) or kind.__name__ in CONSTANT:
        return False
    return not (is_dataclass(kind) and kind.__dataclass_params__.frozen)  # type: ignore[attr-defined]


def test_no_module_has_an_object_that_changes() -> None:
    """What is shared is handed on by the wiring."""
    found = list(globals_of_ours())
    assert any(place == "lading.core.access.ANYBODY" for place, _ in found)
    assert [place for place, value in found if may_change(value)] == []

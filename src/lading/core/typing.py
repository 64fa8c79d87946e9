"""What types need everywhere: `override`, which Python has only from 3.12 on, and two variables."""

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: Any) -> Any:
        """Say that a method implements what its port documents; a checker holds that."""
        return method


__all__ = ["P", "T", "override"]

T = TypeVar("T")
"""What a function gives."""
P = ParamSpec("P")
"""What a function takes."""

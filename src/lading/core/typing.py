"""What Python's `typing` has only from 3.12 on."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: Any) -> Any:
        """Say that a method implements what its port documents; a checker holds that."""
        return method


__all__ = ["override"]

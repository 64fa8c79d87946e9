"""Translation of errors of what lies below into the registry's words, where they pass."""

from collections.abc import Callable
from types import TracebackType

from lading.core.errors import RegistryError


class Translation:
    """A context that raises another error instead of those that it can translate.

    Not a generator: a push of a blob enters a dozen of these.

    Args:
        translate: says what to raise instead; `None` to let the error pass.
    """

    def __init__(self, translate: Callable[[BaseException], RegistryError | None]) -> None:
        self._translate = translate

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and (translation := self._translate(error)) is not None:
            raise translation from error

"""Secrets among the settings: text that is never shown."""


class HiddenText:
    """A secret, which is not shown as text; no dataclass, of which pydantic dumps the fields.

    Attributes:
        text: what nobody else is to see.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HiddenText) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return "***"


def read_hidden(value: object) -> HiddenText | None:
    """Read a secret; an empty one is none.

    Raises:
        ValueError: it is no text.
    """
    if isinstance(value, HiddenText) or value is None:
        return value
    if isinstance(value, str):
        return HiddenText(value) if value else None
    raise ValueError("write one value, as text")

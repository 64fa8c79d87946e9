"""What every section of the configuration has in common."""

from pydantic import BaseModel, ConfigDict, model_validator


class MisplacedError(ValueError):
    """A section contradicts itself; `key` is the one of its keys to look at."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Section(BaseModel):
    """A mapping of the file: frozen, and with no room for keys that are not in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _unset_is_default(cls, data: object) -> object:
        """A key without a value is a key that was not given, as in Distribution."""
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


class Nothing(Section):
    """A choice that is made by its name alone."""

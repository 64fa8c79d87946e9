"""Sections of the configuration: what all of them have in common."""

from pydantic import BaseModel, ConfigDict, model_validator


class MisplacedError(ValueError):
    """A section that contradicts itself; `key` is the one of its keys to look at."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Section(BaseModel):
    """A section: a mapping of the file, frozen, with no room for keys that are not in it.

    What a key is for stands below it, and is read from there for the documents alone: pydantic
    would read and parse all of this source whenever a command or a worker starts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _unset_is_default(cls, data: object) -> object:
        """The section without keys that have no value: those were not given, as in Distribution."""
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


class Nothing(Section):
    """A section without keys: a choice that is made by its name alone."""

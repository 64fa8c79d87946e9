"""A configuration before it has been understood: its values, where each was written, what is wrong.

An operator wants to hear of everything at once, not one mistake per attempt; so problems are
collected while reading goes on, and raised together at the end.

Scalars are kept as the text that was written (`None` where nothing was): the setting decides
whether `5000` is a number or a name, as it does in Distribution. Spellings that existing files use,
deprecated ones or those of others, become the present ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
KeyPath = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """Write a path for people: `notifications.endpoints.0.url`."""
    return ".".join(str(part) for part in path)


@dataclass(frozen=True)
class Problem:
    """A problem, as the operator is told of it.

    Attributes:
        where: `config.yml:12`, or `environment REGISTRY_HTTP_ADDR`.
        key: the dotted key it is about, such as `http.addr`; empty if it is about the whole file.
        message: what to do about it.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class ConfigurationError(Exception):
    """A configuration that cannot be used, with every reason that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True)
class Findings:
    """All problems that came up while one configuration was read."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, where: str, key: str, message: str) -> None:
        """Note a reason not to start."""
        self.errors.append(Problem(where, key, message))

    def warn(self, where: str, key: str, message: str) -> None:
        """Note something the operator should know, though all goes on."""
        self.warnings.append(Problem(where, key, message))


class Document:
    """Values under the keys of `config.yml`, whichever file or variable they came from."""

    def __init__(self, name: str, value: dict[str, Value], places: Mapping[KeyPath, str]) -> None:
        self.value = value
        self._name = name
        self._places = dict(places)

    def where(self, path: KeyPath) -> str:
        """Say where a key was written or, if it was not, the nearest section around it."""
        for length in range(len(path), 0, -1):
            if (place := self._places.get(path[:length])) is not None:
                return place
        return self._name

    def latest(self, path: KeyPath) -> str:
        """Say what wrote last at a key or below it: a variable, if one did."""
        within = [place for key, place in self._places.items() if key[: len(path)] == path]
        return within[-1] if within else self.where(path)

    def get(self, path: KeyPath) -> Value:
        """Give the value at a path, `None` if there is none."""
        value: Value = self.value
        for part in path:
            value = _child(value, part)
        return value

    def assign(self, path: KeyPath, value: Value, where: str) -> None:
        """Put a value at a path, making the sections on the way; what stood there is forgotten."""
        for known in [place for place in self._places if place[: len(path)] == path]:
            del self._places[known]
        self._places[path] = where
        container: Value = self.value
        for depth, part in enumerate(path[:-1], start=1):
            inner = _child(container, part)
            if inner is None:
                inner = [] if isinstance(path[depth], int) else {}
                _put(container, part, inner)
                self._places[path[:depth]] = where
            container = inner
        _put(container, path[-1], value)

    def remove(self, path: KeyPath) -> None:
        """Take a key out, so that whoever reads on does not see it."""
        section = self.get(path[:-1])
        if isinstance(section, dict):
            section.pop(str(path[-1]), None)


def _child(container: Value, part: str | int) -> Value:
    if isinstance(container, dict) and isinstance(part, str):
        return container.get(part)
    if isinstance(container, list) and isinstance(part, int) and part < len(container):
        return container[part]
    return None


def _put(container: Value, part: str | int, value: Value) -> None:
    """Set or append; in anything but a container the value has no place, and the reader says so."""
    if isinstance(container, dict):
        container[str(part)] = value
    elif isinstance(container, list) and isinstance(part, int):
        container[part : part + 1] = [value]


CHOICES = {
    "storage": ("filesystem", "inmemory", "s3"),
    "auth": ("none", "htpasswd", "token", "tokens"),
}
"""What can be chosen by its name alone, by the section where it is."""


def expand_choices(document: Document) -> None:
    """Read `storage: inmemory` as `storage: {inmemory: {}}`; likewise `auth: none`.

    A driver that is named without parameters is chosen all the same, so its value must not look
    like that of a key which was left empty.
    """
    for section, choices in CHOICES.items():
        value = document.get((section,))
        if isinstance(value, str):
            document.value[section] = {value: {}}
        elif isinstance(value, dict):
            for choice in choices:
                if choice in value and value[choice] is None:
                    value[choice] = {}


def modernize(document: Document, findings: Findings) -> None:
    """Turn spellings that are deprecated, or foreign, into the present ones."""
    level = document.get(("loglevel",))
    if level is not None and document.get(("log", "level")) is None:
        document.assign(("log", "level"), level, document.where(("loglevel",)))
    formatter = document.get(("log", "formatter"))
    if isinstance(formatter, str) and formatter.lower() == "logstash":
        where = document.where(("log", "formatter"))
        findings.warn(where, "log.formatter", "`logstash` is not implemented: `json` is used")
        document.assign(("log", "formatter"), "json", where)

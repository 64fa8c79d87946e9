"""Problems of a configuration: what is wrong with it, and where.

An operator wants to hear of everything at once, not one mistake per attempt; so problems are
collected while reading goes on, and raised together at the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


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

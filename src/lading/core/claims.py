"""Rules about claims: what a build says of itself in its token, and what that is worth.

Patterns of rules are the operator's; claims are a stranger's, be they signed or not. So a claim
that is put into a pattern has to be a repository's name first, and no sign of a pattern is one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lading.core.access import Actions, Right
from lading.core.errors import NameInvalid
from lading.core.globs import Glob
from lading.core.names import RepositoryName
from lading.core.permissions import with_implied

_CLAIM = re.compile(r"\{([A-Za-z0-9_.:/-]+)\}")


class ClaimPattern(Glob):
    """A pattern for the text of a claim; as `Glob`, of any characters."""

    allowed = re.compile(r"[^\x00-\x1f\x7f]*")


class RepositoryTemplate(str):
    """A pattern for repositories in which `{claim}` stands for what the token says.

    Raises:
        ValueError: it is no pattern, whatever the claims are.
    """

    __slots__ = ()

    def __init__(self, text: str) -> None:
        pattern = _CLAIM.sub("x", text)
        Glob(pattern)
        if pattern != pattern.lower():
            raise ValueError("write it in lower case, as repository names are")

    def fill(self, claims: Mapping[str, object]) -> Glob | None:
        """The pattern of repositories for these claims; `None` if one is no repository's name.

        A claim is put in as lower case: some systems keep capitals that repositories cannot have.
        """
        try:
            return Glob(_CLAIM.sub(lambda match: _as_name(claims.get(match[1])), self))
        except NameInvalid:
            return None


def _as_name(value: object) -> str:
    """The claim as a name, in lower case of ASCII alone: that of U+212A (kelvin) is ASCII, too."""
    return RepositoryName(value.lower() if isinstance(value, str) and value.isascii() else "")


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """A rule that gives rights to tokens whose claims fit.

    Attributes:
        claims: what each claim must be, as one of these.
        repositories: where it lets them do something.
    """

    claims: Mapping[str, Sequence[ClaimPattern]]
    repositories: Sequence[RepositoryTemplate]
    actions: Actions

    def rights(self, claims: Mapping[str, object]) -> Iterator[Right]:
        """The rights of a token with these claims."""
        if all(_fits(claims.get(name), patterns) for name, patterns in self.claims.items()):
            for template in self.repositories:
                pattern = template.fill(claims)
                if pattern is not None:
                    yield Right(pattern, with_implied(self.actions))


def _fits(value: object, patterns: Sequence[ClaimPattern]) -> bool:
    """Whether a claim fits: text, a number or a truth value; of a list, one entry is enough."""
    if isinstance(value, list):
        return any(_fits(entry, patterns) for entry in value if not isinstance(entry, list))
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int):
        value = str(value)
    return isinstance(value, str) and any(pattern.matches(value) for pattern in patterns)

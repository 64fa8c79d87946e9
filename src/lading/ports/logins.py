"""The ports of logins: secrets that they rest on, and users as an operator changes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class AuthUnusable(Exception):
    """A file, or a set of keys, that logins rest on and that cannot be used.

    The message says why, and holds no secret.
    """


class UserError(Exception):
    """A change of users that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class UserLine:
    """A line of a file of users.

    Attributes:
        usable: whether the user can log in: its password is hashed with bcrypt, and its name is no
            robot's.
    """

    name: str
    usable: bool


class Users(Protocol):
    """Users who may log in with a password.

    Each method raises `AuthUnusable` if what is there cannot be used, and `OSError` if it cannot be
    read or written; each change raises `UserError` if it cannot be made.
    """

    def all(self) -> Sequence[UserLine]:
        """All users, in the order in which they were added."""

    def add(self, name: str, password: str) -> None:
        """Add a user of a new name."""

    def change_password(self, name: str, password: str) -> None:
        """Give a user another password; its tokens end."""

    def remove(self, name: str) -> None:
        """Remove a user; its tokens end."""


class Secret(Protocol):
    """A secret: what all processes of a registry know, and nobody else; replaced as a whole.

    Attributes:
        place: where it is, for a person.
        staleness: seconds for which a process may go on with what it has read; 0 if it notices any
            change at once.
    """

    place: str
    staleness: float

    def may_have_changed(self) -> bool:
        """Whether to read it again; false for `staleness` seconds after it was last true."""

    async def read(self) -> bytes | None:
        """The content of the secret; `None` if there is none yet.

        Raises:
            AuthUnusable, Unavailable: it cannot be read.
        """

    async def replace(self, before: bytes | None, after: bytes) -> bool:
        """Have it say something else, durably; false if it does not say `before` any more.

        Raises:
            AuthUnusable, Unavailable, StorageFull: it cannot be written.
        """

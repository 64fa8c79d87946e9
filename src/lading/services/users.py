"""Users: an operator adds and removes those who may log in with a password, and that is noted."""

from lading.ports.logins import Users
from lading.services.registry import Note


def add(users: Users, note: Note, name: str, password: str) -> None:
    """Add a user of a new name."""
    users.add(name, password)
    note("user.add", user=name)


def change_password(users: Users, note: Note, name: str, password: str) -> None:
    """Give a user another password."""
    users.change_password(name, password)
    note("user.password", user=name)


def remove(users: Users, note: Note, name: str) -> None:
    """Remove a user."""
    users.remove(name)
    note("user.remove", user=name)

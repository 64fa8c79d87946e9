"""Changes of a file of users, one user at a time; all other lines stay as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lading.auth.htpasswd import lines_of, parse_users, read_limited
from lading.auth.passwords import hash_password
from lading.core import robots
from lading.core.typing import override
from lading.ports.logins import UserError, UserLine, Users
from lading.system import small_files

# 2^10 rounds, a tenth of a second: bcrypt's own default, and what OWASP asks for at least.
COST = 10
MAX_NAME = 255


class EditedUserFile(Users):
    """Users of a file, which is made when the first one is added."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def all(self) -> Sequence[UserLine]:
        content = read_limited(self._path)
        usable = parse_users(content, str(self._path))
        lines = lines_of(content, str(self._path))
        names = dict.fromkeys(name for line in lines if (name := _name(line)))
        return [UserLine(name, name in usable) for name in names]

    @override
    def add(self, name: str, password: str) -> None:
        _check_name(name)
        line = _line(name, password)

        def change(lines: list[str]) -> list[str]:
            if _has(lines, name):
                raise UserError(f"there is a user {name} already; `lading user passwd` changes it")
            return [*lines, line]

        self._change(change, create=True)

    @override
    def change_password(self, name: str, password: str) -> None:
        line = _line(name, password)

        def change(lines: list[str]) -> list[str]:
            _require(lines, name)
            return [line if _name(old) == name else old for old in lines]

        self._change(change)

    @override
    def remove(self, name: str) -> None:
        def change(lines: list[str]) -> list[str]:
            _require(lines, name)
            return [old for old in lines if _name(old) != name]

        self._change(change)

    def _change(self, change: Callable[[list[str]], list[str]], *, create: bool = False) -> None:
        """Change the lines; of two changes at once, one waits for the other."""
        with small_files.locked(self._path):
            is_new = create and not self._path.exists()
            content = b"" if is_new else read_limited(self._path)
            parse_users(content, str(self._path))
            lines = change(lines_of(content, str(self._path)))
            small_files.replace(self._path, "".join(f"{line}\n" for line in lines).encode())


def _line(name: str, password: str) -> str:
    try:
        return f"{name}:{hash_password(password, COST).decode()}"
    except ValueError as error:
        raise UserError(str(error)) from error


def _check_name(name: str) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise UserError("write a name without control characters or spaces around it")
    if ":" in name or name.startswith("#"):
        raise UserError("write a name without `:`, and without `#` at the start")
    if name.startswith(robots.PREFIX):
        raise UserError(
            f"a name with `{robots.PREFIX}` is a robot's; `lading token create` makes one"
        )


def _name(line: str) -> str:
    """The name of the user that a line is about; empty if it is about none."""
    stripped = line.strip()
    return "" if stripped.startswith("#") else stripped.partition(":")[0]


def _has(lines: Sequence[str], name: str) -> bool:
    return any(_name(line) == name for line in lines)


def _require(lines: Sequence[str], name: str) -> None:
    if not name or not _has(lines, name):
        raise UserError(f"there is no user {name}; `lading user ls` shows all")

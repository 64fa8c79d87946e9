"""A registry in use, and bad requests that must pass by it without a trace."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.client import Answer, Client
from tests.support.lading import lading_serve
from tests.support.pushes import Json, Repository, digest_of, encode
from tests.support.store import contents

LAYER = b"a layer"
STAGED = b"ten bytes."

# What no answer may hold, whatever went wrong.
INSIDES = (
    "Traceback",
    "site-packages",
    ".py",
    "sqlite",
    "msgspec",
    "Errno",
    "Exception",
    "lading.",
)


@dataclass(frozen=True)
class Victim:
    """The registry that bad requests are sent to.

    Attributes:
        names: what stands in paths for things that were given their names by the registry, beside
            an upload.
    """

    client: Client
    root: Path
    log: Path
    names: Mapping[str, str]

    def path(self, pattern: str) -> str:
        """A path with the names in it; an upload is a new one, as it ends with wrong digests."""
        if "{upload}" not in pattern:
            return pattern.format(**self.names)
        return pattern.format(upload=_start_upload(self.client, "app"), **self.names)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Within the block nothing is stored, moved or lost, and nothing unforeseen happens."""
        before = contents(self.root)
        yield
        assert contents(self.root) == before
        assert "unexpected failure" not in self.log.read_text(errors="replace")

    def assert_tells_nothing(self, answer: Answer) -> None:
        """The answer shows nothing of the program's insides."""
        text = answer.body.decode()
        assert not [word for word in (*INSIDES, str(self.root)) if word in text], text


@contextmanager
def running_victim(directory: Path) -> Iterator[Victim]:
    """It has an image, a blob, and an upload under way in another repository."""
    with lading_serve(directory) as registry:
        repository = Repository(registry.client, "app")
        names = {
            "blob": digest_of(LAYER),
            "unused": repository.push_blob(b"in no image"),
            "manifest": repository.push_image("latest", LAYER),
            "foreign": _start_upload(registry.client, "other").replace("/other/", "/app/"),
        }
        yield Victim(registry.client, registry.root, registry.log, names)


def _start_upload(client: Client, repository: str) -> str:
    """Begin an upload that has some bytes; its location."""
    location = Repository(client, repository).start_upload()
    client.ask("PATCH", location, STAGED)
    return location


@dataclass(frozen=True)
class Bad:
    """A bad request, as a row of a table, and the answer that it gets."""

    method: str
    path: str
    status: int
    code: str
    body: bytes | tuple[bytes, ...] = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def try_on(self, victim: Victim) -> Answer:
        """Send it; the answer is the one expected, and everything is as before."""
        path = victim.path(self.path)
        with victim.unchanged():
            answer = victim.client.ask(self.method, path, self.body, **self.headers)
        assert (answer.status, set(answer.codes)) == (self.status, {self.code}), answer
        victim.assert_tells_nothing(answer)
        return answer


def bad(
    method: str,
    path: str,
    answer: str,
    body: bytes | tuple[bytes, ...] | Json = b"",
    **headers: str,
) -> Bad:
    """Write a row; the answer is a status and a code."""
    status, code = answer.split()
    data = body if isinstance(body, bytes | tuple) else encode(body)
    return Bad(method, path, int(status), code, data, headers)


def label(row: object) -> str:
    """Name a row in what pytest prints."""
    assert isinstance(row, Bad)
    return f"{row.code} {row.method} {row.path[:60]}"

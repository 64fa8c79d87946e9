"""Guests of a registry, who pull what is there and look at every byte of it; and who pushes."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.client import Client
from tests.support.pushes import OCI_MANIFEST, Repository, digest_of, encode, image


@dataclass
class Guests:
    """What guests have seen.

    Attributes:
        pulls: images that were pulled whole.
        complaints: what was wrong with an answer.
    """

    pulls: int = 0
    complaints: list[str] = field(default_factory=list)


def pull(client: Client, repository: str, tag: str) -> Sequence[str]:
    """Pull an image; what is wrong with it."""
    path = f"/v2/{repository}"
    answer = client.ask("GET", f"{path}/manifests/{tag}", accept=OCI_MANIFEST)
    if answer.status != 200:
        return [f"{repository}:{tag}: {answer.status}"]
    wrong = []
    for blob in [answer.json["config"], *answer.json["layers"]]:
        body = client.ask("GET", f"{path}/blobs/{blob['digest']}").body
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != blob["digest"]:
            wrong.append(f"{repository}:{tag}: {blob['digest']} is wrong")
    return wrong


@contextmanager
def pulling(client: Client, images: Sequence[tuple[str, str]]) -> Iterator[Guests]:
    """Have a guest pull images in turn for the length of the block."""
    guests, is_over = Guests(), threading.Event()

    def work() -> None:
        while not is_over.is_set():
            for repository, tag in images:
                guests.complaints += pull(client, repository, tag)
                guests.pulls += 1

    with beside(work, is_over):
        yield guests


@contextmanager
def beside(work: Callable[[], None], is_over: threading.Event) -> Iterator[None]:
    """Have a thread work until it is over: the end of the block, which fails if the work did."""
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield
        finally:
            is_over.set()
    working.result()


@dataclass
class Host:
    """Whoever pushes to a repository of its own, moves tags and deletes, one after the other.

    Attributes:
        tags: what each leads to by what was acknowledged, if to anything.
        pushes: images that were.
        complaints: answers that ought not to be.
    """

    repository: Repository
    tags: dict[str, str | None] = field(default_factory=dict)
    pushes: int = 0
    complaints: list[str] = field(default_factory=list)

    def work(self, number: int) -> None:
        """Push an image to one of some tags, and delete another one now and then."""
        layer = hashlib.sha256(f"{self.repository.name} {number}".encode()).digest() * 5000
        manifest, tag = image(layer), f"t{number % 4}"
        answers = [self._push_blob(blob) for blob in (b"{}", layer)]
        # Of two workers, one may know already that the registry is read-only.
        if set(answers) == {201}:
            answers.append(self.repository.put_manifest(manifest, tag).status)
            if answers[-1] == 201:
                self.tags[tag] = digest_of(encode(manifest))
                self.pushes += 1
        other = f"t{(number + 1) % 4}"
        if number % 3 == 0 and self.tags.get(other):
            answers.append(self.repository.ask("DELETE", f"/manifests/{other}").status)
            if answers[-1] == 202:
                self.tags[other] = None
        # The registry may be read-only by now, or a collection without grace was quicker.
        self.complaints += (f"{number}: {status}" for status in answers if status not in DONE)

    def missed(self, client: Client) -> Sequence[str]:
        """What is not as it was acknowledged to be; each image is pulled whole."""
        wrong: list[str] = []
        for tag, digest in self.tags.items():
            path = f"{self.repository.path}/manifests/{tag}"
            answer = client.ask("GET", path, accept=OCI_MANIFEST)
            found = digest_of(answer.body) if answer.status == 200 else None
            if found != digest:
                wrong.append(f"{path} is {found} instead of {digest}")
            elif found:
                wrong += pull(client, self.repository.name, tag)
        return wrong

    def _push_blob(self, data: bytes) -> int:
        query = f"/blobs/uploads/?digest={digest_of(data)}"
        return self.repository.ask("POST", query, data).status


# What is done, refused as a blob was collected, or refused as the registry is read-only.
DONE = frozenset({201, 202, 400, 405})


@contextmanager
def pushing(client: Client, name: str) -> Iterator[Host]:
    """Have somebody push for the length of the block."""
    host, is_over = Host(Repository(client, name)), threading.Event()

    def work() -> None:
        for number in itertools.count():
            if is_over.wait(0.02):
                return
            host.work(number)

    with beside(work, is_over):
        yield host

"""Guests of a registry: they pull what is there, over and over, and look at every byte of it."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.client import Client
from tests.support.pushes import OCI_MANIFEST


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

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield guests
    finally:
        is_over.set()
        thread.join()

"""Places of `lading cp`, as people type them: an image of a registry, or a folder."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from lading.client.layouts import LayoutFolder
from lading.client.options import SessionOptions
from lading.client.places import ImagePlace
from lading.client.references import ImageReference
from lading.client.registry import Client

_LAYOUT = "oci:"


class TypedPlace(NamedTuple):
    """A place, and the image of it.

    Attributes:
        place: the repository or the folder.
        wanted: the tag or the digest that was typed; empty if none was.
    """

    place: ImagePlace
    wanted: str

    def __str__(self) -> str:
        return f"{self.place.host}/{self.place.name}" if self.place.host else self.place.name


class PlaceOpener:
    """Opens places; those of one registry share its client.

    Args:
        stack: where the clients are closed.
    """

    def __init__(self, stack: ExitStack, options: SessionOptions) -> None:
        self._stack = stack
        self._options = options
        self._clients: dict[str, Client] = {}

    def open(self, text: str, *, to_push: bool = False) -> TypedPlace:
        """The place that was typed: `oci:DIR[:TAG]`, a path beginning with `.` or `/`, or an image.

        Args:
            to_push: whether it will be pushed to, for which one token is asked for from the first.

        Raises:
            ReferenceInvalid: it is none.
        """
        if text.startswith((_LAYOUT, ".", "/")):
            head, slash, last = text.removeprefix(_LAYOUT).rpartition("/")
            name, _, wanted = last.partition("@" if "@" in last else ":")
            return TypedPlace(LayoutFolder(Path(f"{head}{slash}{name}")), wanted)
        reference = ImageReference.parse(text)
        repository = self._client(reference.registry).repository(reference.repository)
        if to_push:
            repository.will_push()
        return TypedPlace(repository, reference.digest or reference.tag)

    def requests(self) -> dict[str, int]:
        """How many requests were sent to all registries, by method."""
        sums: dict[str, int] = {}
        for client in self._clients.values():
            for method, count in client.session.counted.items():
                sums[method] = sums.get(method, 0) + count
        return sums

    def _client(self, registry: str) -> Client:
        if registry not in self._clients:
            client = Client(registry, options=self._options)
            self._clients[registry] = self._stack.enter_context(client)
        return self._clients[registry]

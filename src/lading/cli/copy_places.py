"""Places of `lading cp`, as people type them: an image of a registry, or a folder."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from lading.cli.late import late
from lading.client.errors import NotThere, ReferenceInvalid
from lading.client.options import SessionOptions
from lading.client.places import ImagePlace
from lading.client.references import ImageReference
from lading.client.registry import Client
from lading.core.command_lines import command_line
from lading.core.images.layout_names import tag_in

with late():  # as few copies need them
    from lading.client import layouts

_LAYOUT = "oci:"
# Other tools' words before a place; a repository of Docker Hub by such a name has a longer one.
_OF_OTHERS = ("dir:", "oci-archive:", "docker-archive:", "docker-daemon:", "containers-storage:")
_DIGESTS = ("sha256:", "sha512:")


class TypedPlace(NamedTuple):
    """A place, and the tag or the digest of it that was typed; empty if none was."""

    place: ImagePlace
    wanted: str

    def __str__(self) -> str:
        return f"{self.place.host}/{self.place.name}" if self.place.host else self.place.name


class PlaceOpener:
    """Opens places; those of one registry share its client, which a stack closes."""

    def __init__(self, stack: ExitStack, options: SessionOptions) -> None:
        self._stack = stack
        self._options = options
        self._clients: dict[str, Client] = {}
        self._folders: list[layouts.LayoutFolder] = []

    def source(self, text: str) -> TypedPlace:
        """The place to copy from; `NotThere` if it is a folder and no layout."""
        place = self.open(text)
        if any(folder is place.place and not folder.is_layout for folder in self._folders):
            raise NotThere(
                f"{place} is no OCI image layout: that is a folder with a file `index.json`",
                advice="unpack it if it is an archive of one; `skopeo copy` makes one of others",
            )
        return place

    def open(self, text: str, *, to_push: bool = False) -> TypedPlace:
        """The place that was typed: `oci:DIR[:TAG]`, a path beginning with `.` or `/`, or an image.

        What is none is a `ReferenceInvalid`. To push, one token is asked for from the first.
        """
        if text.startswith(_OF_OTHERS):
            raise ReferenceInvalid(
                f"{text!r} is no place that images are copied from or to: beside registries that is"
                " oci:DIR",
                advice="`skopeo copy` makes such a folder of others, as in"
                f" `{command_line('skopeo', 'copy', text, 'oci:DIR:TAG')}`",
            )
        if text.startswith((_LAYOUT, ".", "/")):
            path, wanted = _folder_and_image(text.removeprefix(_LAYOUT))
            self._folders.append(layouts.LayoutFolder(Path(path), many=True))
            return TypedPlace(self._folders[-1], wanted)
        reference = ImageReference.parse(text)
        repository = self._client(reference.registry).repository(reference.repository)
        if to_push:
            repository.will_push()
        return TypedPlace(repository, reference.digest or reference.tag)

    def settle(self) -> None:
        """List in folders what was brought to them; a `ClientError` if that cannot be written."""
        for folder in self._folders:
            folder.settle()

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


def _folder_and_image(text: str) -> tuple[str, str]:
    """The path and the tag or the digest in `DIR[:TAG]` or `DIR@DIGEST`.

    A folder that is there may have colons in its name, and a tag may be a whole reference, as other
    tools name the images of layouts.

    A tag or a digest that is empty, which is what a script lacks, is a `ReferenceInvalid`.
    """
    if _is_folder(text):
        return text, ""
    if text.endswith((":", "@")):
        raise ReferenceInvalid(
            f"{text!r} names no image: what stands after `{text[-1]}` is missing"
        )
    for mark in ("@", ":"):
        for at in reversed([at for at, letter in enumerate(text) if letter == mark]):
            path, wanted = text[:at], text[at + 1 :]
            if _is_folder(path):
                is_digest = mark == "@" or wanted.startswith(_DIGESTS)
                return path, wanted if is_digest else tag_in(wanted)
    head, slash, last = text.rpartition("/")
    name, _, wanted = last.partition("@" if "@" in last else ":")
    return f"{head}{slash}{name}", wanted


def _is_folder(path: str) -> bool:
    """Whether there is a folder that can be looked at; of another one, its index says why not."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` may raise an error

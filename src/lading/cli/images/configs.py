"""Configurations of images: what they run, as far as they say it rightly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lading.cli.images.documents import ManifestDocument, platform_of, read_object, texts
from lading.cli.images.source import ImageSource

# Bytes of a configuration that are read; real ones have some KiB.
_MOST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """A configuration of an image (image-spec config.md); what it does not say is empty."""

    platform: str
    created: str
    user: str
    workdir: str
    entrypoint: Sequence[str]
    command: Sequence[str]
    env: Sequence[str]
    ports: Sequence[str]
    volumes: Sequence[str]
    labels: Mapping[str, str]
    stop_signal: str


async def read_config(
    source: ImageSource, repository: str, document: ManifestDocument
) -> ImageConfig:
    """The configuration that a manifest names.

    Raises:
        BlobUnknown: the registry does not have it.
    """
    assert document.config is not None
    part = document.config
    async with source.blob(repository, part.digest, part.size, "configuration") as file:
        return parse_config(file.read(_MOST))


def parse_config(body: bytes) -> ImageConfig:
    """The configuration in some bytes."""
    whole = read_object(body)
    run = whole.get("config")
    run = run if isinstance(run, dict) else {}
    said = texts(run)
    return ImageConfig(
        platform=platform_of(whole),
        created=texts(whole).get("created", ""),
        user=said.get("User", ""),
        workdir=said.get("WorkingDir", ""),
        entrypoint=_words(run.get("Entrypoint")),
        command=_words(run.get("Cmd")),
        env=_words(run.get("Env")),
        ports=_names(run.get("ExposedPorts")),
        volumes=_names(run.get("Volumes")),
        labels=texts(run.get("Labels")),
        stop_signal=said.get("StopSignal", ""),
    )


def _words(value: object) -> Sequence[str]:
    found = value if isinstance(value, list) else ()
    return [word for word in found if isinstance(word, str)]


def _names(value: object) -> Sequence[str]:
    return sorted(value) if isinstance(value, dict) else ()

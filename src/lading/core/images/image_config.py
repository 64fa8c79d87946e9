"""Configurations of images: what an image runs, and the history of its layers, as pages show them.

Whoever pushed an image wrote its configuration, and may have written anything: whatever is not of
the kind that the image specification gives it counts as not said (image-spec config.md).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

import msgspec

from lading.core.images.lenient_json import MOST_SAID, fields_in, items_in, text_in, texts_in
from lading.core.images.summaries import PLATFORM, platform_of

# The shell's part in what a classic builder wrote, with its mark of what made no layer.
_NO_OPERATION = re.compile(r"^(?:\|\d+ .*?)?/bin/sh -c #\(nop\)\s+", re.DOTALL)
_IN_SHELL = re.compile(r"^(?:RUN )?(?:\|\d+ .*?)?/bin/sh -c\s+", re.DOTALL)
# What BuildKit says of itself behind an instruction. No pattern looks for it: one that begins with
# blanks takes the square of their number, and stops all threads meanwhile.
_BUILDER = "# buildkit"


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A step of an image's history.

    Attributes:
        instruction: as a Dockerfile has it; what was said, if that is none.
        created: when, as it was said.
        layer: the number of the layer that it made, from 0; `None` if it made none.
    """

    instruction: str
    created: str
    layer: int | None


@dataclass(frozen=True, slots=True)
class ShownConfig:
    """A configuration of an image; what it does not say is empty."""

    platform: str = ""
    created: str = ""
    author: str = ""
    user: str = ""
    working_directory: str = ""
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Sequence[str] = ()
    ports: Sequence[str] = ()
    volumes: Sequence[str] = ()
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[HistoryStep] = ()

    def fields(self) -> Mapping[str, str]:
        """The fields of the configuration, by names for people; without labels and variables."""
        return {
            "platform": self.platform,
            "user": self.user,
            "directory": self.working_directory,
            "entrypoint": " ".join(self.entrypoint),
            "command": " ".join(self.command),
            "ports": " ".join(self.ports),
            "volumes": " ".join(self.volumes),
            "stop signal": self.stop_signal,
            "created": self.created,
            "author": self.author,
        }


def read_config(body: bytes) -> ShownConfig:
    """The configuration in some bytes; an empty one if they are none."""
    whole = fields_in(body)
    run = fields_in(whole.get("config"))
    return ShownConfig(
        platform=_platform_in(whole),
        created=_text(whole.get("created")),
        author=_text(whole.get("author")),
        user=_text(run.get("User")),
        working_directory=_text(run.get("WorkingDir")),
        entrypoint=_words(run.get("Entrypoint")),
        command=_words(run.get("Cmd")),
        environment=_words(run.get("Env")),
        ports=nsmallest(MOST_SAID, fields_in(run.get("ExposedPorts"))),
        volumes=nsmallest(MOST_SAID, fields_in(run.get("Volumes"))),
        stop_signal=_text(run.get("StopSignal")),
        labels=texts_in(run.get("Labels")),
        history=list(_steps(items_in(whole.get("history"))[:MOST_SAID])),
    )


def read_platform(body: bytes) -> str:
    """The platform that a configuration is for, as `linux/arm64/v8`; empty if it says none."""
    return _platform_in(fields_in(body))


def instruction_of(created_by: str) -> str:
    """The line of the Dockerfile that a step came from, by what its builder noted.

    >>> instruction_of('/bin/sh -c #(nop)  CMD ["sh"]')
    'CMD ["sh"]'
    >>> instruction_of("RUN /bin/sh -c apt-get update # buildkit")
    'RUN apt-get update'
    """
    said = created_by.strip().removesuffix(_BUILDER).rstrip()
    if _NO_OPERATION.match(said):
        return _NO_OPERATION.sub("", said, count=1).strip()
    if _IN_SHELL.match(said):
        return f"RUN {_IN_SHELL.sub('', said, count=1)}".strip()
    return said


def _steps(history: Sequence[msgspec.Raw]) -> Iterator[HistoryStep]:
    layer = 0
    for entry in history:
        said = fields_in(entry)
        made = bytes(said.get("empty_layer", b"")) != b"true"
        text = _text(said.get("created_by")) or _text(said.get("comment"))
        yield HistoryStep(instruction_of(text), _text(said.get("created")), layer if made else None)
        layer += made


def _platform_in(whole: Mapping[str, msgspec.Raw]) -> str:
    return platform_of({name: text_in(whole.get(name)) for name in PLATFORM})


def _text(said: msgspec.Raw | None) -> str:
    return text_in(said) or ""


def _words(said: msgspec.Raw | None) -> Sequence[str]:
    words = map(text_in, items_in(said)[:MOST_SAID])
    return [word for word in words if word is not None]

"""Configurations of images: what an image runs, and the history of its layers, as pages show them.

Whoever pushed an image wrote its configuration, and may have written anything: whatever is not of
the kind that the image specification gives it counts as not said (image-spec config.md).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from lading.core.summaries import platform_of

# Steps, labels, variables that are read of each: real images have some dozens, and megabytes of
# small ones would make a page that nobody can open.
MOST_SAID = 1000

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


def read_config(body: bytes) -> ShownConfig:
    """The configuration in some bytes; an empty one if they are none."""
    whole = _object(body)
    run = _mapping(whole.get("config"))
    return ShownConfig(
        platform=platform_of(whole),
        created=_text(whole.get("created")),
        author=_text(whole.get("author")),
        user=_text(run.get("User")),
        working_directory=_text(run.get("WorkingDir")),
        entrypoint=_words(run.get("Entrypoint")),
        command=_words(run.get("Cmd")),
        environment=_words(run.get("Env")),
        ports=sorted(_mapping(run.get("ExposedPorts")))[:MOST_SAID],
        volumes=sorted(_mapping(run.get("Volumes")))[:MOST_SAID],
        stop_signal=_text(run.get("StopSignal")),
        labels={
            name: value
            for name, value in islice(sorted(_mapping(run.get("Labels")).items()), MOST_SAID)
            if isinstance(value, str)
        },
        history=list(islice(_steps(whole.get("history")), MOST_SAID)),
    )


class _Machine(msgspec.Struct):
    """What a configuration says of the machine that it is for."""

    os: object = None
    architecture: object = None
    variant: object = None


def read_platform(body: bytes) -> str:
    """The platform that a configuration is for, as `linux/arm64/v8`; empty if it says none.

    All else that is in it is skipped, and made into no objects.
    """
    try:
        said = msgspec.json.decode(body, type=_Machine)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return platform_of({name: getattr(said, name) for name in _Machine.__struct_fields__})


def instruction_of(created_by: str) -> str:
    """What a builder noted of a step, as the line of the Dockerfile that it came from.

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


def _steps(history: object) -> Iterator[HistoryStep]:
    layer = 0
    for entry in history if isinstance(history, list) else []:
        said = _mapping(entry)
        made = said.get("empty_layer") is not True
        text = _text(said.get("created_by")) or _text(said.get("comment"))
        yield HistoryStep(instruction_of(text), _text(said.get("created")), layer if made else None)
        layer += made


def _object(body: bytes) -> dict[str, object]:
    try:
        return _mapping(msgspec.json.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _words(value: object) -> Sequence[str]:
    said = value[:MOST_SAID] if isinstance(value, list) else []
    return [word for word in said if isinstance(word, str)]

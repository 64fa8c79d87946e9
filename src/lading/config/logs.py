"""Sections `log` and `audit` of the configuration: what is written down of the server's doings."""

from typing import Annotated, Literal

from pydantic import Field

from lading.config.section import Section
from lading.config.values import AnyCase, OptionalPath


class AccessLogSection(Section):
    """Section `log.accesslog`: the access log."""

    disabled: bool = False
    """`true` stops the access log: a line per request in Apache's combined format, as \
Distribution's, and behind that the request's id (`X-Request-ID`), how many seconds it took, how \
many bytes it brought, and the repository. With `log.formatter: json` a line is an object."""


class LogSection(Section):
    """Section `log`: what is logged, and how."""

    level: Annotated[Literal["error", "warn", "info", "debug"], AnyCase] = "info"
    """The least severe kind of line that is logged. A change of the file counts while the server \
runs, within seconds, or at once on SIGHUP."""
    formatter: Annotated[Literal["text", "json"], AnyCase] = "text"
    """Lines for people, or one JSON object per line, in the access log, too; `logstash` means \
`json`, with a warning."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Names and values that every line carries."""
    accesslog: AccessLogSection = Field(default_factory=AccessLogSection)
    """One line per request."""


class AuditSection(Section):
    """Section `audit`: the audit log, one JSON object per line of who did what."""

    file: OptionalPath = None
    """The file to append to, or `-` for standard output. It may be moved away at any time: a new \
one is begun then. While it cannot be written, entries wait, as many as 8 MiB hold; what is more \
is lost, and counted in the next entry."""
    reads: bool = True
    """`false` leaves out pulls and lists that were allowed."""

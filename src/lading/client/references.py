"""References to images, as people type them: `[registry/]repository[:tag][@digest]`.

The rules are those of Docker (distribution/reference, `normalize.go`): what is before the first
slash is a registry if it has a dot or a colon or is `localhost`; without one it is Docker Hub's,
where a name of one part is in `library/`.
"""

import re
from typing import NamedTuple

from lading.client.errors import ReferenceInvalid
from lading.core.digest import Digest
from lading.core.errors import RegistryError
from lading.core.names import RepositoryName, Tag

DOCKER_HUB = "docker.io"
# Where Docker Hub answers.
_DOCKER_HUB_HOST = "registry-1.docker.io"
# "host = IP-literal / IPv4address / reg-name" and a port (RFC 3986, 3.2.2), of names what DNS has,
# and `_`, which containers' names have.
_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_])?\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)


class ImageReference(NamedTuple):
    """A reference that was checked.

    Attributes:
        registry: its host, with the port if one is given; `docker.io` for Docker Hub.
        tag, digest: empty if they are not given.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> "ImageReference":
        """Read what was typed; `ReferenceInvalid` if it is no reference."""
        if "://" in text:
            raise ReferenceInvalid(
                f"{text!r} names no image: write it as HOST/REPOSITORY:TAG, without what is up to"
                " `://`"
            )
        rest, at, digest = text.partition("@")
        rest, colon, tag = _split_tag(rest)
        registry, repository = _split_registry(rest)
        try:
            RepositoryName(repository)
            # One that is empty is what a script lacks, and not what has none.
            if colon:
                Tag(tag)
            if at:
                Digest(digest)
        except RegistryError as error:
            raise ReferenceInvalid(f"{text!r} names no image: {error.message}") from error
        return cls(registry, repository, tag, digest)

    @property
    def wanted(self) -> str:
        """What the manifest is asked for by: the digest, or the tag, or `latest`."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def _split_tag(text: str) -> tuple[str, str, str]:
    """The name, a colon and the tag: one after the last slash is a tag's; any other is a port's."""
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{head}{slash}{name}", colon, tag


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first.lower(), rest
    else:
        registry, repository = DOCKER_HUB, text
    if registry in {DOCKER_HUB, f"index.{DOCKER_HUB}", _DOCKER_HUB_HOST}:
        registry = DOCKER_HUB
        if "/" not in repository:
            repository = f"library/{repository}"
    return registry, repository


def host_of(registry: str) -> str:
    """The host that answers for a registry, with a port if one is given, or `ReferenceInvalid`."""
    if registry == DOCKER_HUB:
        return _DOCKER_HUB_HOST
    match = _HOST.fullmatch(registry)
    if match is None or not 0 < int(match["port"] or 1) < 65536:
        raise ReferenceInvalid(
            f"{registry!r} is no host: write it as registry.example.com or 127.0.0.1:5000,"
            " without https://, with a port of 1 to 65535 if it has another one"
        )
    return registry


def is_local(host: str) -> bool:
    """Whether a host is this machine, where Docker takes HTTP, too."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name in {"localhost", "[::1]"} or name.startswith("127.")

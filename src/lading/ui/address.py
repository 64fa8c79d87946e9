"""The address of the registry, as clients write it: what lines to copy begin with."""

from typing import NamedTuple

from lading.core.digest import Digest
from lading.core.names import RepositoryName
from lading.ui.context import Visit


class RegistryAddress(NamedTuple):
    """The address by which clients reach the registry, as the visitor's browser does.

    Attributes:
        host: what names of images begin with: `registry.example:5000`, with a prefix if it has one.
        is_secure: whether by HTTPS.
        is_local: whether Docker takes it without HTTPS, as it is this machine.
    """

    host: str
    is_secure: bool
    is_local: bool

    @property
    def is_taken(self) -> bool:
        """Whether clients take it as it is that take this machine without HTTPS."""
        return self.is_secure or self.is_local

    def crane(self, command: str, image: str) -> str:
        """The line of a command of crane, about an image or a blob of a repository."""
        return f"crane {command} {'' if self.is_taken else '--insecure '}{self.host}/{image}"

    @property
    def server(self) -> str:
        """The host that clients log in to, without a prefix."""
        return self.host.partition("/")[0]


def address_of(visit: Visit) -> RegistryAddress:
    """The address by which the visitor reaches the registry."""
    url = visit.parts.options.address.url_of(visit.request, "")
    scheme, _, host = url.partition("://")
    server = host.partition("/")[0]
    name = server if server.endswith("]") else server.partition(":")[0]
    is_local = name in {"localhost", "[::1]"} or name.startswith("127.")
    return RegistryAddress(host, scheme == "https", is_local)


class CopyLine(NamedTuple):
    """A line to copy: the command of a client.

    Attributes:
        client: what runs it.
    """

    client: str
    text: str


def pull_lines(
    address: RegistryAddress, repository: RepositoryName, reference: str, artifact: str
) -> list[CopyLine]:
    """How each client pulls an image, by a tag or a digest.

    Args:
        artifact: its type, empty if it is an image: few others are for Docker and podman.
    """
    sign = "@" if ":" in reference and Digest(reference) else ":"
    name = f"{repository}{sign}{reference}"
    image = f"{address.host}/{name}"
    unverified = "" if address.is_secure else "--tls-verify=false "
    inspect = CopyLine("skopeo", f"skopeo inspect --raw {unverified}docker://{image}")
    if artifact:
        http = "" if address.is_secure else " --plain-http"
        # Helm writes `_` where a tag can have no `+`.
        version = reference.replace("_", "+")
        chart = f"helm pull{http} oci://{address.host}/{repository} --version {version}"
        is_chart = "helm" in artifact and sign == ":" and reference[0].isdecimal()
        helm = [CopyLine("Helm", chart)] if is_chart else []
        return [*helm, CopyLine("oras", f"oras pull{http} {image}"), inspect]
    return [
        CopyLine("Docker", f"docker pull {image}"),
        CopyLine("podman", f"podman pull {unverified}{image}"),
        CopyLine("skopeo", f"skopeo inspect {unverified}docker://{image}"),
        CopyLine("crane", f"{address.crane('pull', name)} image.tar"),
    ]

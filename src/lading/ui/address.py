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
    image = f"{address.host}/{repository}{sign}{reference}"
    plain = not address.is_secure
    podman = "--tls-verify=false " if plain else ""
    skopeo = "--tls-verify=false " if plain else ""
    crane = "--insecure " if plain and not address.is_local else ""
    inspect = CopyLine("skopeo", f"skopeo inspect --raw {skopeo}docker://{image}")
    if artifact:
        http = " --plain-http" if plain else ""
        chart = f"helm pull{http} oci://{address.host}/{repository} --version {_version(reference)}"
        is_chart = "helm" in artifact and sign == ":" and reference[0].isdecimal()
        helm = [CopyLine("Helm", chart)] if is_chart else []
        return [*helm, CopyLine("oras", f"oras pull{http} {image}"), inspect]
    return [
        CopyLine("Docker", f"docker pull {image}"),
        CopyLine("podman", f"podman pull {podman}{image}"),
        CopyLine("skopeo", f"skopeo inspect {skopeo}docker://{image}"),
        CopyLine("crane", f"crane pull {crane}{image} image.tar"),
    ]


def _version(tag: str) -> str:
    """The version of a chart whose tag this is: Helm writes `_` where a tag can have no `+`."""
    return tag.replace("_", "+")

"""The nginx of deploy/compose, as a program on this machine, in front of a registry.

Its configuration is the deployment's with other paths and ports, so what is tested through it is
what people deploy; without Docker, any test can have it in a moment.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Certificates
from tests.support.commands import REPOSITORY, require, require_root
from tests.support.lading import Lading
from tests.support.processes import background, free_port, wait_until

CONFIGURATION = REPOSITORY / "deploy" / "compose" / "nginx.conf"
# What deploy/compose/registry/config.yml says beside where the data is.
BEHIND_NGINX = {
    "REGISTRY_HTTP_TRUSTEDPROXIES": "[127.0.0.1]",
    "REGISTRY_HTTP_ACCELREDIRECT": "/_blobs/",
}


@contextmanager
def nginx_before(
    registry: Lading, directory: Path, *, listening: str = "", others: Sequence[Lading] = ()
) -> Iterator[str]:
    """Run nginx for the length of the block; yields its host and port.

    Args:
        registry: started with the variables `BEHIND_NGINX`.
        directory: for its configuration and its log.
        listening: lines to add after the one that says where it listens.
        others: replicas that it takes turns with.
    """
    require("nginx")
    require_root()
    host = f"127.0.0.1:{free_port()}"
    configuration = directory / "nginx.conf"
    configuration.write_text(
        _replace(
            CONFIGURATION,
            {
                "/run/nginx.pid": str(directory / "nginx.pid"),
                "/dev/stdout": str(directory / "access.log"),
                "listen 80;": f"listen {host};\n{listening}",
                "server registry:5000;": _upstream(registry, *others),
                "/var/lib/registry/": f"{registry.root}/",
            },
        )
    )
    log = directory / "nginx.log"
    # Its workers read what pytest keeps in a directory of root's.
    options = "daemon off; user root;"
    with background(["nginx", "-c", str(configuration), "-g", options], log=log):
        wait_until(lambda: _accepts(host), "nginx", log=log.read_text)
        yield host


@contextmanager
def nginx_with_tls_before(
    registry: Lading, directory: Path, certificates: Certificates
) -> Iterator[str]:
    """The same with deploy/compose/https.conf; yields where it speaks HTTPS."""
    host = f"127.0.0.1:{free_port()}"
    words = {
        "listen 443 ssl;": f"listen {host} ssl;",
        "/etc/nginx/certs/": f"{certificates.directory}/",
    }
    listening = _replace(CONFIGURATION.with_name("https.conf"), words)
    with nginx_before(registry, directory, listening=listening):
        yield host


def _upstream(*registries: Lading) -> str:
    """Each in turn, request by request; none is left alone for having failed."""
    return "\n".join(f"server {registry.host} max_fails=0;" for registry in registries)


def _replace(file: Path, words: dict[str, str]) -> str:
    text = file.read_text()
    for old, new in words.items():
        assert old in text, f"{file} has no {old!r} any more"
        text = text.replace(old, new)
    return text


def _accepts(host: str) -> bool:
    name, _, port = host.rpartition(":")
    with socket.socket() as connection:
        return connection.connect_ex((name, int(port))) == 0

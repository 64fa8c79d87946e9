"""Certificates for a host, from the folders of Docker and containers: `certs.d/HOST`.

"any file ending in `.crt`" is an authority, a pair `NAME.cert`, `NAME.key` is what the client shows
(containers-certs.d(5), Docker's "Verify repository client with certificates").
"""

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from lading.client.errors import ClientError


def certificate_folders() -> Sequence[Path]:
    """The folders that have a folder for each host."""
    home = Path(os.environ.get("HOME", "/"))
    return (
        home / ".config/containers/certs.d",
        Path("/etc/containers/certs.d"),
        Path("/etc/docker/certs.d"),
    )


def tls_context(
    host: str,
    *,
    insecure: bool = False,
    authorities: Path | None = None,
) -> ssl.SSLContext:
    """How to speak TLS with a host.

    Args:
        host: with its port, if it has one.
        insecure: whether to take any certificate.
        authorities: a file with further ones, in PEM.

    Raises:
        ClientError: a certificate or a key cannot be read.
    """
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if authorities is not None:
            context.load_verify_locations(authorities)
        for folder in certificate_folders():
            _load(context, folder / host)
    except (OSError, ssl.SSLError) as error:
        raise ClientError(f"the certificates for {host} cannot be loaded: {error}") from error
    return context


def _load(context: ssl.SSLContext, folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix == ".crt":
            context.load_verify_locations(path)
        elif path.suffix == ".cert":
            context.load_cert_chain(path, path.with_suffix(".key"))

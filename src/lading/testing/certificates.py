"""Certificate of a registry for tests, from an authority that is made for it alone."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lading.server.process.authority import Authority


def secured(directory: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """What a server at an address secures connections with, and the authority's certificate."""
    now = datetime.now(UTC)
    authority = Authority.open(directory, now)
    pair = authority.issue_to_server([host, "localhost"], now=now, validity=timedelta(days=1)).files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(pair.certificate, pair.key)
    return context, authority.files.certificate

"""Headers of every answer: what Docker and browsers must know whatever they asked for."""

from collections.abc import Mapping

ALWAYS: Mapping[str, str] = {
    # "registry/2.0" tells Docker from 2014 on that this is not a registry of the first version.
    "Docker-Distribution-Api-Version": "registry/2.0",
    "X-Content-Type-Options": "nosniff",
    # What somebody pushed may be a page with scripts, under any media type. In a browser it is
    # nobody's: it runs nothing, loads nothing, and has no part in what this address may do.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""Headers of every response that has no other ones of these names."""

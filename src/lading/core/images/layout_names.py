"""Names of images in an OCI layout's index, as the tools that make layouts write them.

skopeo and oras write the tag, or whatever their user typed; crane the whole reference; BuildKit,
`docker save` and `ctr export` the tag, and containerd's name for the image beside it.
"""

from collections.abc import Mapping

REF_NAME = "org.opencontainers.image.ref.name"
MOST_INDEX = 256 * 1024 * 1024
"""Bytes of an index that is read: with a million images it has no more."""
_CONTAINERD_NAME = "io.containerd.image.name"


def tag_of(annotations: Mapping[str, object]) -> str:
    """The tag that an entry of an index has; empty if it has none. It may be no valid one."""
    return tag_in(str(annotations.get(REF_NAME) or annotations.get(_CONTAINERD_NAME) or ""))


def tag_in(name: str) -> str:
    """The tag in a name that may be a whole reference, as `host:5000/team/app:tag`."""
    name, pinned, _ = name.partition("@")
    path, _, last = name.rpartition("/")
    app, colon, tag = last.rpartition(":")
    if colon:
        return tag if app or not path else ""
    if pinned:
        return ""
    return "latest" if path else last

"""Keys of what `--json` prints, command by command; `tests/cli/test_json.py` compares them."""

from collections.abc import Iterator, Mapping, Sequence

_FINDING = ("kind", "subject", "explanation", "advice", "mended")
_CERTIFICATE = ("ca", "ca_key", "certificate", "key", "until")
_ROBOT = (
    "name", "login", "repositories", "actions", "created_at", "created_by", "expires_at", "used_at",
)  # fmt: skip


def _below(name: str, keys: Sequence[str]) -> tuple[str, ...]:
    return (name, *(f"{name}.{key}" for key in keys))


# A key with a dot is one of an object in the object, or of each object in the list; of a list, the
# keys are those of each of its objects. Nothing is said of a list of texts.
KEYS: Mapping[str, Sequence[str]] = {
    "ls": (),
    "tags": ("name", "digest", "media_type", "size", "set_at"),
    "search": (),
    "inspect": (
        "name", "reference", "digest", "media_type", "kind", "artifact_type", "size",
        *_below("config", (
            "platform", "created", "author", "user", "working_directory", "entrypoint", "command",
            "environment", "ports", "volumes", "stop_signal", "labels",
            *_below("history", ("instruction", "created", "layer")),
        )),
        *_below("layers", (
            "digest", "size", "media_type", "platform", "artifact_type", "annotations",
        )),
        *_below("platforms", (
            "digest", "size", "media_type", "platform", "artifact_type", "annotations",
        )),
        "subject", "annotations",
    ),
    "tree": ("kind", "digest", "media_type", "size", "name", "missing", "parts"),
    "du": ("total", *_below("items", ("name", "own", "shared"))),
    "diff": ("same", *_below("differences", ("kind", "name", "before", "after"))),
    "files": ("path", "kind", "size", "mode", "link", "layer"),
    "tag": ("digest", "repository", "tags"),
    "rm": ("name", "digest"),
    "garbage-collect": (
        "dry_run", "bytes",
        *_below("items", (
            "kind", "repository", "digest", "size", "cause", "since", "tag", "subject", "upload",
            "interrupted", "why",
        )),
    ),
    "trash ls": (
        "repository", "digest", "media_type", "size", "tag", "tags", "deleted_at", "actor",
        "kept_until",
    ),
    "restore": ("manifests", "tags", "taken", "lost"),
    "history": ("at", "actor", "previous", "digest"),
    "why": (
        "digest",
        *_below("repositories", (
            "repository",
            *_below("reasons", (
                "cause",
                *_below("path", (
                    *_below("steps", ("kind", "digest")), "tag", "deleted_at", "loose_at",
                )),
                "since", "until", "why",
            )),
        )),
    ),
    "verify": (
        *_below("finding", _FINDING),
        *_below("summary", (
            "blobs", "manifests", "checksums",
            *_below("unused", ("objects", "bytes", "refused")), "findings", "left",
        )),
    ),
    "read-only": ("read_only", "configured", "since", "by"),
    "backup": ("metadata", "metadata_size", "list", "files", "root", "held_until"),
    "migrate": ("blobs", "size", "rows", "seconds", "unfinished"),
    "adopt": (
        *_below("finding", _FINDING),
        *_below("summary", (
            "repositories", "manifests", "tags", "moves", "gone", "blobs", "size", "garbage",
            "garbage_size", "seconds", "findings", "left",
        )),
    ),
    "export": ("repositories", "blobs", "size", "links", "removed"),
    "import": (
        *_below("finding", _FINDING),
        *_below("summary", ("repositories", "manifests", "tags", "linked", "copied", "size")),
    ),
    "cp": (
        "outcome", "source", "target", "digest", "error",
        *_below("summary", ("images", "blobs", "bytes", "requests")),
    ),
    "doctor": ("name", "state", "what", "advice"),
    "user ls": ("name", "usable"),
    "cert make": _CERTIFICATE,
    "cert client": _CERTIFICATE,
    "token create": (*_ROBOT, "password"),
    "token ls": _ROBOT,
}  # fmt: skip


def keys_of(document: object, command: str, above: str = "") -> Iterator[str]:
    """The keys of a document as `KEYS` has them, down to those that may be anything."""
    if isinstance(document, list):
        for member in document:
            yield from keys_of(member, command, above)
    elif isinstance(document, dict) and (not above or _has_known_keys(command, above)):
        for name, member in document.items():
            key = f"{above}.{name}" if above else name
            yield key
            yield from keys_of(member, command, key)


def _has_known_keys(command: str, above: str) -> bool:
    return any(key.startswith(f"{above}.") for key in KEYS[command])

"""Sizes, for people."""

_STEP = 1024


def human_size(size: int) -> str:
    """The size for a person: `1536` → `1.5 KiB`."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < _STEP or unit == "TiB":
            break
        value /= _STEP
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"

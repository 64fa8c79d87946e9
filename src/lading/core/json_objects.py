"""JSON objects in bytes that a stranger wrote; all of one is read, see `images/lenient_json`."""

import json
from typing import Any


def object_in(body: bytes) -> dict[str, Any]:
    """The object of JSON that some bytes are; an empty one if they are none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

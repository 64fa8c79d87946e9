"""Every row of the table of routes is tested here, and every endpoint of the specification."""

import ast
import re
from pathlib import Path

from lading.api.routes import ROUTES

MARK = re.compile(r"@pytest\.mark\.endpoint\(([^)]*)\)")
# The specification gives several names to what is one row of the table.
VARIANTS = {
    "end-4": {"end-4a", "end-4b", "end-4c", "end-11"},
    "end-7": {"end-7a", "end-7b"},
}


def marked() -> set[tuple[str, str]]:
    """Each endpoint and method that a test in this folder says it is about."""
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for arguments in MARK.findall(path.read_text()):
            endpoint, *methods = ast.literal_eval(f"[{arguments}]")
            found |= {(endpoint, method) for method in methods}
    return found


def in_the_table() -> set[tuple[str, str]]:
    """Each endpoint, by all its names, and each of its methods."""
    return {
        (name, method)
        for route in ROUTES
        for method, endpoint in route.endpoints.items()
        for name in VARIANTS.get(endpoint.id, {endpoint.id})
    }


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    assert marked() == in_the_table()

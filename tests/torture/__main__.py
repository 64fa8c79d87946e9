"""`make torture`: how much a registry survives.

Exits with 1, and leaves the data where it is, if a promise was broken.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.torture.model import Broken
from tests.torture.replicas import replicas_on_files, replicas_on_s3
from tests.torture.run import Figures, Torture
from tests.torture.server import Server, Tortured

PLACES: Mapping[str, Callable[[Path], AbstractContextManager[Tortured]]] = {
    "a machine": lambda directory: nullcontext(Server(directory)),
    "files": replicas_on_files,
    "s3": replicas_on_s3,
}


def main() -> None:
    """Torture until there were enough kills and enough acknowledged operations."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="at least so many (200)")
    parser.add_argument("--operations", type=int, default=20_000, help="at least so many (20,000)")
    parser.add_argument("--on", choices=PLACES, default="a machine", help="what is tortured")
    parser.add_argument("--seed", type=int, default=random.getrandbits(32), help="of all choices")
    arguments = parser.parse_args()

    def enough(figures: Figures) -> bool:
        _show(figures)
        few_kills = figures.kills < arguments.kills
        few_operations = figures.acknowledged.total() < arguments.operations
        return not (few_kills or few_operations)

    directory = Path(tempfile.mkdtemp(prefix="lading-torture-"))
    with PLACES[arguments.on](directory) as server:
        torture = Torture(server, arguments.seed)
        try:
            torture.run(enough)
        except Broken as error:
            sys.exit(f"\nBROKEN with --seed {arguments.seed}: {error}\nThe data is in {directory}")
    print()
    print("\n".join(_lines(torture.figures)))


def _show(figures: Figures) -> None:
    print(
        f"\r{figures.seconds:.0f} s: {figures.kills} kills, {figures.collections} collections,"
        f" {figures.acknowledged.total()} operations acknowledged ",
        end="",
        flush=True,
    )


def _lines(figures: Figures) -> list[str]:
    return [
        f"seed {figures.seed}, {figures.seconds:.0f} seconds",
        f"kills: {figures.kills} of servers or workers, {figures.collector_kills} of collectors",
        *(f"{what}: {count}" for what, count in figures.other_harm.items()),
        f"collections: {figures.own_collections} by servers, {figures.collections} by hand",
        f"acknowledged: {figures.acknowledged.total()}",
        *(f"  {what}: {count}" for what, count in figures.acknowledged.most_common()),
        f"manifests at the end: {figures.manifests}, each pulled whole; nothing deleted is served,",
        "`lading verify --checksums` is clean, and no byte is left over",
    ]


if __name__ == "__main__":
    main()

"""`make siege`: how well a registry serves its guests while others do their worst.

Exits with 1 if a promise was broken, or the guests had to wait for long; what was lost or
corrupted is left where it is.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.siege.run import Figures, Siege
from tests.torture.model import Broken


def main() -> None:
    """Besiege it for some minutes, and say what the guests saw of it."""
    parser = argparse.ArgumentParser(prog="siege", description=__doc__)
    parser.add_argument("--alone", type=float, default=60, help="seconds before it (60)")
    parser.add_argument("--seconds", type=float, default=300, help="that it lasts (300)")
    parser.add_argument("--seed", type=int, default=random.getrandbits(32), help="of all choices")
    parser.add_argument("--only", action="append", help="the name of an attack; again for more")
    arguments = parser.parse_args()

    directory = Path(tempfile.mkdtemp(prefix="lading-siege-"))
    siege = Siege(directory, arguments.seed, only=arguments.only or ())
    try:
        siege.run(alone=arguments.alone, seconds=arguments.seconds)
        siege.judge()
    except Broken as error:
        print("\n".join(lines(siege.figures)))
        where = f"The data, if any is wrong, is in {directory}"
        sys.exit(f"\nBROKEN with --seed {arguments.seed}: {error}\n{where}")
    print("\n".join(lines(siege.figures)))


def lines(figures: Figures) -> list[str]:
    """The figures, for people."""
    return [
        f"seed {figures.seed}: {figures.seconds:.0f} seconds of siege",
        f"{'milliseconds, p99 (p50)':26}{'alone':>16}{'besieged':>16}{'ratio':>8}",
        *(
            f"{kind:26}{alone!s:>16}{besieged!s:>16}{besieged.p99 / alone.p99:8.2f}"
            for kind, (alone, besieged) in figures.times().items()
        ),
        f"MiB of a worker: {figures.memory_alone:.0f} alone, {figures.memory:.0f} besieged",
        f"of the processors, others took {figures.others:.0f}%",
        f"acknowledged: {figures.acknowledged}; refused to guests: {figures.refused}",
        "what the attackers were answered:",
        *(f"  {attack:20}{said}" for attack, said in sorted(figures.attacks.items())),
    ]


if __name__ == "__main__":
    main()

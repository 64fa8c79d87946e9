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
    parser.add_argument("--alone", type=float, default=60, help="seconds before it, twice (60)")
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
    alone, beside, besieged = figures.alone, figures.beside, figures.besieged
    return [
        f"seed {figures.seed}: {besieged.seconds:.0f} seconds of siege",
        _row("milliseconds, p99 (p50)", "alone", "beside a sink", "besieged", "raw", "ratio"),
        *(
            _row(
                kind,
                times.alone,
                times.beside,
                times.besieged,
                _times(times.raw),
                _times(times.ratio),
            )
            for kind, times in figures.times().items()
        ),
        "raw: of alone; ratio: of beside attackers of a sink, which is what the registry does",
        f"MiB of a worker: {alone.memory:.0f} alone, {besieged.memory:.0f} besieged",
        f"of the processors, others took {figures.others:.0f}%",
        f"acknowledged: {figures.acknowledged}; refused to guests: {figures.refused}",
        "answers to attackers per second, by a sink and by the registry, and which:",
        *(
            f"  {attack:20}{beside.pace(attack):8.1f}{besieged.pace(attack):8.1f}  {answers}"
            for attack, answers in sorted(besieged.attacks.items())
        ),
    ]


def _row(kind: str, *values: object) -> str:
    widths = 22, 22, 22, 8, 8
    return f"{kind:24}" + "".join(
        f"{value!s:>{width}}" for value, width in zip(values, widths, strict=True)
    )


def _times(ratio: float) -> str:
    return f"{ratio:.2f}"


if __name__ == "__main__":
    main()

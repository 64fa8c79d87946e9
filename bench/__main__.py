"""`python -m bench`: measure, and write `docs/performance.md`."""

import re
import tempfile
from pathlib import Path

import click

from bench import endurance, growth, nginx, plots, report, results
from bench.failures import keeping
from bench.machine import describe
from bench.measure import measure, measure_with_tokens
from bench.registries import NAMES
from bench.results import Results
from bench.works import WORKS

# So that all of it takes no longer than half an hour.
TOKEN_ROUNDS = 3


@click.command()
@click.option("--quick", is_flag=True, help="A first look: few, short rounds.")
@click.option("--only", default="", metavar="REGEX", help="Only works whose name matches.")
@click.option("--registry", "names", multiple=True, type=click.Choice(NAMES), default=NAMES)
@click.option("--rounds", type=int, help="How often to measure everything.")
@click.option("--seconds", type=float, help="How long each measurement takes.")
@click.option("--report/--no-report", "write", default=True, help="Write docs/performance.md.")
def main(
    *,
    quick: bool,
    only: str,
    names: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
    write: bool,
) -> None:
    """Measure lading beside the other registries that this machine has."""
    works = [work for work in WORKS if re.search(only, work.name)]
    rounds = rounds or (2 if quick else 5)
    seconds = seconds or (1 if quick else 3)
    measured = Results(describe())
    with keeping(lambda: results.save(measured), results.FILE):
        measure(measured, names, works, rounds=rounds, seconds=seconds)
        if not only:
            measure_with_tokens(measured, rounds=min(rounds, TOKEN_ROUNDS), seconds=seconds)
            with tempfile.TemporaryDirectory(prefix="lading-bench-") as directory:
                place = Path(directory)
                measured.ceilings = nginx.measure(place, rounds=rounds, seconds=seconds)
            measured.endurance = endurance.measure(1 if quick else 10)
            measured.growth = growth.grow(growth.SIZES[:3] if quick else growth.SIZES)
    click.echo(report.tables(measured))
    if write:
        report.write(measured)
        plots.draw(measured)


if __name__ == "__main__":
    main()

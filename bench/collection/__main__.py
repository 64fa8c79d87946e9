"""Measure, and write the figures into `docs/reliability.md`."""

from pathlib import Path

from bench import machine
from bench.collection import cost, latency

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
START, END = "<!-- figures of bench.collection -->\n", "<!-- end of figures -->\n"


def main() -> None:
    """Takes a few minutes."""
    costs = cost.report(cost.measure())
    pulls = latency.report(latency.measure())
    text = DOCUMENT.read_text()
    before, after = text.partition(START)[0], text.partition(END)[2]
    DOCUMENT.write_text(
        f"{before}{START}\nOn {machine.describe()}:\n\n{costs}\n{pulls}\n{END}{after}"
    )


if __name__ == "__main__":
    main()

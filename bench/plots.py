"""Pictures of the results, beside `docs/performance.md`."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.growth import Growth
from bench.registries import DISTRIBUTION
from bench.results import Results

FOLDER = Path("docs/performance")

mpl.use("svg")
# The same results make the same file.
mpl.rcParams.update({"svg.hashsalt": "lading", "font.size": 9, "axes.grid": True})


def draw(results: Results) -> None:
    """Write all pictures that the results are good for."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if DISTRIBUTION in results.durability and results.works:
        _ratios(results)
    if results.growth:
        _growth(results.growth)


def _ratios(results: Results) -> None:
    """How much of each work is done, as a multiple of what Distribution does."""
    names = [name for name in results.durability if name != DISTRIBUTION]
    works = [
        (name, work, work.median(DISTRIBUTION, "rate"))
        for name, work in results.works.items()
        if not name.endswith("a second")  # the rate is given
    ]
    figure, axes = plt.subplots(figsize=(8, 0.5 * len(works) + 1))
    height = 0.8 / len(names)
    for place, name in enumerate(names):
        bars = [
            (row + place * height, value / base)
            for row, (_, work, base) in enumerate(works)
            if base and (value := work.median(name, "rate"))
        ]
        axes.barh([row for row, _ in bars], [ratio for _, ratio in bars], height, label=name)
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(works))])
    axes.set_yticklabels([name for name, _, _ in works])
    axes.invert_yaxis()
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_title(f"How much is done, compared to {DISTRIBUTION} (the line)")
    axes.legend(loc="lower right")
    _save(figure, "ratios")


def _growth(growth: Sequence[Growth]) -> None:
    """What requests and collections cost in registries of different sizes."""
    sizes = [each.repositories for each in growth]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    for kind in growth[0].p50_ms:
        left.plot(sizes, [each.p50_ms[kind] for each in growth], marker="o", label=kind)
    left.set_title("median of a request, ms")
    right.plot(sizes, [each.collection for each in growth], marker="o")
    right.set_title("lading garbage-collect, the same garbage, s")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("repositories; tags in one; tenth of the blobs")
        axes.set_ylim(bottom=0)
    left.legend()
    _save(figure, "growth")


def _save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)

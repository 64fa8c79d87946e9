"""Memory that the workers of a registry have."""

from pathlib import Path

from tests.support.lading import Lading, workers_of


def memory_of_workers(registry: Lading) -> list[float]:
    """MiB that each worker has in memory; of a registry that has one, its own."""
    return _read(registry, "VmRSS:")


def peak_of_workers(registry: Lading) -> list[float]:
    """MiB that each worker had in memory at most, since `forget_peaks`."""
    return _read(registry, "VmHWM:")


def workers_rest(registry: Lading) -> bool:
    """Whether no thread of the workers has anything to do: none runs, nor waits for a processor."""
    tasks = [task for pid in _processes(registry) for task in Path(f"/proc/{pid}/task").iterdir()]
    try:
        return all((task / "stat").read_text().rpartition(") ")[2][0] == "S" for task in tasks)
    except OSError:  # one has ended just now
        return False


def forget_peaks(registry: Lading) -> None:
    """Let what there is now be the most that there was (proc(5), `clear_refs`)."""
    for pid in _processes(registry):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _processes(registry: Lading) -> list[int]:
    return sorted(workers_of(registry)) or [registry.pid]


def _read(registry: Lading, field: str) -> list[float]:
    states = [Path(f"/proc/{pid}/status").read_text() for pid in _processes(registry)]
    return [int(state.partition(field)[2].split()[0]) / 1024 for state in states]

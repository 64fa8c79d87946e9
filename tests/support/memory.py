"""How much memory the workers of a registry have."""

from pathlib import Path

from tests.support.lading import Lading, workers_of


def memory_of_workers(registry: Lading) -> list[float]:
    """MiB that each worker has in memory; of a registry that has one, its own."""
    processes = sorted(workers_of(registry)) or [registry.pid]
    states = [Path(f"/proc/{pid}/status").read_text() for pid in processes]
    return [int(state.partition("VmRSS:")[2].split()[0]) / 1024 for state in states]

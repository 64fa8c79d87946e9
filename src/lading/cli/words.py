"""Words that several commands have for a person: of what is not freed yet."""

from lading.cli.output import human_size
from lading.ports.objects import READING, UnusedBytes


def unused_words(unused: UnusedBytes) -> str:
    """What an object store keeps that nothing needs."""
    return (
        f"{unused.objects} objects ({human_size(unused.size)}) that nothing needs are not freed"
        f" yet: they are kept for {READING / 3600:.0f} hours, as somebody may be reading them"
    )

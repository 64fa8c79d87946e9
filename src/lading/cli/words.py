"""Words that several commands have for a person: of what is not freed yet."""

from lading.cli.output import counted, human_size
from lading.ports.objects import READING, UnusedBytes


def unused_words(unused: UnusedBytes) -> str:
    """What an object store keeps that nothing needs."""
    return (
        f"{counted(unused.objects, 'object')} ({human_size(unused.size)}) that nothing needs:"
        f" freed {READING / 3600:.0f} hours after that began, as somebody may be reading there"
    )

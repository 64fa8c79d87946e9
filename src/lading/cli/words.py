"""Words that several commands have for a person: of what is not freed yet."""

from lading.cli.output import counted, human_size
from lading.ports.objects import READING, UnusedBytes


def unused_words(unused: UnusedBytes) -> str:
    """What an object store keeps that nothing needs."""
    words = (
        f"{counted(unused.objects, 'object')} ({human_size(unused.size)}) that nothing needs:"
        f" freed {READING / 3600:.0f} hours after that began, as somebody may be reading there"
    )
    if not unused.refused:
        return words
    return (
        f"{words}; {unused.refused} of them stay, as the store refuses to delete them: it denies"
        " `s3:DeleteObject`, or has them under retention"
    )

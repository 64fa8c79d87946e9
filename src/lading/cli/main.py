"""`lading`, also installed as `registry`: the list of commands."""

import click

from lading import __version__
from lading.cli.lazy import LazyGroup, Listed

COMMANDS = {
    "serve": Listed("lading.cli.serve:serve", "Answer requests until told to stop."),
    "garbage-collect": Listed(
        "lading.cli.garbage_collect:garbage_collect",
        "Remove deleted images for good, and free the bytes that nothing needs.",
    ),
    "trash": Listed("lading.cli.trash:trash", "Look at what was deleted and can be restored."),
    "restore": Listed(
        "lading.cli.trash:restore",
        "Bring back what was deleted: an image with its tags, a tag, or all of a repository.",
    ),
    "history": Listed(
        "lading.cli.trash:history",
        "Tell when a tag was set, moved or deleted, by whom, and what it pointed to.",
    ),
    "why": Listed(
        "lading.cli.why:why",
        "Tell what keeps a blob or a manifest: the tags that lead to it, the trash, or a promise.",
    ),
    "verify": Listed(
        "lading.cli.verify:verify",
        "Compare what the database says with the bytes that are there, both ways.",
    ),
    "read-only": Listed(
        "lading.cli.read_only:read_only",
        "Switch read-only mode on or off, or say whether it is on.",
    ),
    "backup": Listed(
        "lading.cli.backup:backup",
        "Copy the metadata of a registry, running or not, to the new directory DEST.",
    ),
    "restore-backup": Listed(
        "lading.cli.backup:restore_backup",
        "Put the metadata of the backup SRC in place.",
    ),
    "user": Listed("lading.cli.user:user", "Add and remove those who may log in with a password."),
    "config": Listed(
        "lading.cli.config:config", "Check a configuration file, or show what is in force."
    ),
    "cert": Listed(
        "lading.cli.cert:cert",
        "Make certificates for a network that no public authority issues them for.",
    ),
    "token": Listed(
        "lading.cli.token:token",
        "Give programs a login of their own: build servers, deployments, mirrors.",
    ),
}


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, listed=COMMANDS
)
@click.version_option(__version__, "-v", "--version", message="lading %(version)s")
def main() -> None:
    """A container registry: what `docker push` pushes to and `docker pull` pulls from."""

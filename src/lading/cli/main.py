"""`lading`, also installed as `registry`: the list of commands."""

import click

from lading import __version__
from lading.cli.backup import backup, restore_backup
from lading.cli.cert import cert
from lading.cli.config import config
from lading.cli.garbage_collect import garbage_collect
from lading.cli.read_only import read_only
from lading.cli.serve import serve
from lading.cli.token import token
from lading.cli.trash import history, restore, trash
from lading.cli.user import user
from lading.cli.verify import verify
from lading.cli.why import why


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[
        serve,
        garbage_collect,
        trash,
        restore,
        history,
        why,
        verify,
        read_only,
        backup,
        restore_backup,
        user,
        config,
        cert,
        token,
    ],
)
@click.version_option(__version__, "-v", "--version", message="lading %(version)s")
def main() -> None:
    """A container registry: what `docker push` pushes to and `docker pull` pulls from."""

"""`lading rm` and `lading tag`: take away tags and images, and give an image more tags."""

from collections.abc import Sequence

import click

from lading.cli.completion import complete_image
from lading.cli.examples import REGISTRY, Example, with_examples
from lading.cli.images.places import NamedImage, Where, look_at, parse_named, place_options
from lading.cli.images.source import ImageRepository
from lading.cli.output import say, to_json
from lading.cli.windows import say_parts
from lading.core.errors import RegistryError
from lading.core.names import Tag


@with_examples(
    Example("lading tag app:1.0 stable 1", "Two more tags of the same image."),
    Example(f"lading tag {REGISTRY}/app:1.0 latest", "In another registry; no byte is copied."),
)
@click.command("tag")
@click.argument("image", shell_complete=complete_image)
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@place_options
def tag_image(image: str, tags: Sequence[str], where: Where, *, as_json: bool) -> None:
    """Point tags at an image of the same repository.

    IMAGE is `app:1.0` or `app@sha256:…`, or the same with a host before it.
    """
    named = parse_named(image, where)
    for tag in tags:
        _require_tag(tag)

    pointed: list[str] = []

    async def point(repository: ImageRepository) -> None:
        found = await repository.manifest(named.reference)
        try:
            for tag in tags:
                await repository.put_tag(found, tag)
                pointed.append(tag)
                if not as_json:
                    say_parts(f"{named.name}:{tag} ", found.digest)
        finally:
            # What was done before something fails is the answer, beside the error.
            if as_json and pointed:
                said = {"digest": found.digest, "repository": named.name, "tags": pointed}
                say(to_json(said))

    look_at(named, point)


@with_examples(
    Example("lading rm app:1.1 --dry-run", "What it would delete."),
    Example("lading rm app:1.1", "The tag alone; `lading restore` brings it back."),
    Example("lading rm nothing:1", "Exit code 3: there is none.", 3),
)
@click.command("rm")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE...", shell_complete=complete_image
)
@click.option("--dry-run", is_flag=True, help="Look whether they are there, and delete nothing.")
@place_options
def remove_images(images: Sequence[str], where: Where, *, dry_run: bool, as_json: bool) -> None:
    """Delete tags, or images by their digest.

    An image goes with all its tags. IMAGE is `app:1.0` for the tag, `app@sha256:…` for the image,
    or the same with a host before it. In our registry both go to the trash. Other registries may
    know no deleting of tags.
    """
    named_images = [parse_named(image, where, default="") for image in images]
    for named in named_images:
        if not named.reference:
            raise click.UsageError(f"{named.text!r}: say which, by a tag or a digest")
    removed = []
    try:
        for named in named_images:
            digest = _remove(named, dry_run=dry_run)
            removed.append({"name": named.image, "digest": digest})
            if not as_json:
                done = "would delete" if dry_run else "deleted"
                say_parts(f"{done} {named.image} ", digest)
    finally:
        # What was done before something fails is the answer, beside the error.
        if as_json and removed:
            say(to_json(removed))


def _remove(named: NamedImage, *, dry_run: bool) -> str:
    async def remove(repository: ImageRepository) -> str:
        found = await repository.manifest(named.reference)
        if not dry_run:
            await repository.delete(named.reference)
        return found.digest

    return look_at(named, remove)


def _require_tag(text: str) -> None:
    try:
        Tag(text)
    except RegistryError as error:
        raise click.UsageError(f"{text!r}: {error.message}") from error

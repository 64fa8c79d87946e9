"""References are read as Docker reads them."""

import pytest

from lading.client import Client, ImageReference, ReferenceInvalid, references

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "repository", "wanted"),
    [
        ("alpine", "docker.io", "library/alpine", "latest"),
        ("team/app:1", "docker.io", "team/app", "1"),
        ("index.docker.io/alpine", "docker.io", "library/alpine", "latest"),
        ("localhost/app", "localhost", "app", "latest"),
        ("localhost:5000/app:v1", "localhost:5000", "app", "v1"),
        ("Registry.example.com/a/b", "registry.example.com", "a/b", "latest"),
        (f"r.example.com/a:1@{DIGEST}", "r.example.com", "a", DIGEST),
    ],
)
def test_what_people_type_names_an_image(
    text: str, registry: str, repository: str, wanted: str
) -> None:
    found = ImageReference.parse(text)

    assert (found.registry, found.repository, found.wanted) == (registry, repository, wanted)


@pytest.mark.parametrize(
    "text",
    ["", "UPPER", "a:b:c", "app@sha256:12", "app:-x", "app:", "app@", "h:1/app:", "app:1@"],
)
def test_what_names_no_image_is_said_so(text: str) -> None:
    with pytest.raises(ReferenceInvalid, match="names no image"):
        ImageReference.parse(text)


def test_who_pastes_an_address_is_told_how_it_is_written() -> None:
    with pytest.raises(ReferenceInvalid, match="without what is up to `://`"):
        ImageReference.parse("http://registry.example.com/app")


def test_a_host_whose_brackets_are_not_closed_is_not_this_machine() -> None:
    assert not references.is_local("[::2")
    assert references.is_local("[::1]:5000")


@pytest.mark.parametrize(
    "registry",
    [
        "127.0.0.1:99999",
        "127.0.0.1:0",
        "a:b",
        "[::1",
        "::1",
        "https://registry.example.com",
        "",
        "-",
    ],
)
def test_what_is_no_host_is_said_before_anybody_is_asked(registry: str) -> None:
    with pytest.raises(ReferenceInvalid, match="is no host"):
        Client(registry)


@pytest.mark.parametrize("registry", ["localhost", "my_registry:5000", "[::1]:5000", "10.0.0.1"])
def test_what_is_a_host_is_one(registry: str) -> None:
    assert references.host_of(registry) == registry

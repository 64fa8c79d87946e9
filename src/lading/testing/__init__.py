"""Registries for tests: in a thread of the test's own process, in memory, without Docker.

    with lading.testing.Registry() as registry:
        digest = registry.push_image("app:1", files={"etc/motd": "hello"})

With pytest, `lading[pytest]` has fixtures of them; docs/python.md tells of both.
"""

from lading.testing.events import RegistryEvent
from lading.testing.registry import PractiseRegistry

Registry = PractiseRegistry
"""A registry for tests."""

__all__ = ["PractiseRegistry", "Registry", "RegistryEvent"]

"""Names the fixtures that all tests share; they cost nothing where they are not asked for."""

from hypothesis import settings

pytest_plugins = [
    "tests.support.fixtures",
    "tests.support.scheduling",
    "tests.support.temporary",
]

# A busy machine is no failure; what hangs ends by pytest's own timeout.
settings.register_profile("lading", deadline=None)
settings.load_profile("lading")

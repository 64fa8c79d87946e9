"""Names the fixtures that all tests share; they cost nothing where they are not asked for."""

pytest_plugins = ["tests.support.fixtures"]

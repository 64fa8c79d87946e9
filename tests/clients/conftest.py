"""Fixtures come from tests.support."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the shared fixtures; only the conftest of the whole suite could simply name them."""
    config.pluginmanager.import_plugin("tests.support.fixtures")

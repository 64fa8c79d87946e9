"""Settings written back as a configuration file: what is in effect, defaults and all.

A setting that holds a secret is text without it (`DatabaseUrl`, `HiddenText`), for this is what
people paste into bug reports.
"""

from collections.abc import Mapping
from datetime import timedelta

import yaml

from lading.config.durations import format_duration
from lading.config.settings import Settings


def settings_as_yaml(settings: Settings) -> str:
    """Write the settings as a `config.yml` that means the same."""
    http = settings.http.model_copy(update={"workers": settings.workers})
    values = settings.model_copy(update={"http": http}).model_dump(exclude_none=True)
    if settings.storage.driver != "filesystem":
        del values["storage"]["filesystem"]
    return yaml.safe_dump(plain(values), sort_keys=False, allow_unicode=True)


def plain(value: object) -> object:
    """Put a value as the file would have it: text, numbers, lists and mappings."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    return value if isinstance(value, bool | int) else str(value)

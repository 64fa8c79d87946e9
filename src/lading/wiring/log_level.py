"""The level of the log: the least severe kind of line, as the settings say it."""

import logging

LEVELS = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def set_level(level: str) -> None:
    """Log lines of this level and above, in this process, from now on."""
    logging.getLogger().setLevel(LEVELS[level])

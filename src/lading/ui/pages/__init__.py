"""Handlers of pages, a file for each kind of page."""

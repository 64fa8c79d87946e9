"""Rows of what is in layers, found when somebody first looks into an image."""

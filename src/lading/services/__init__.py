"""Services: the verbs of a registry, so that every way in does the same.

Each takes the registry's parts and a `Grant`, and knows no HTTP, no SQL and no file.
"""

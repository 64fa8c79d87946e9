"""Commands for people: each parses its arguments, enters the wiring, calls services and prints.

Each file is one command of `lading`, which `main` lists. None knows a database or a store of blobs.
"""

"""Values and rules of a registry: no I/O, no clock, no event loop.

Everything here can be read and tested without knowing that networks exist.
"""

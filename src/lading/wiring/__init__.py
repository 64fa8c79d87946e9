"""The wiring: from settings to objects, in the one room that knows every adapter.

The server, each command that works on the data, and tests enter what they use from here, and leave
it closed. Everything is passed on as an argument, so nothing is found by a global name.
"""

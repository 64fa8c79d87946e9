"""From settings to objects: the one room that knows every adapter.

The server, each command that works on the data, and tests get what they use from here.
"""

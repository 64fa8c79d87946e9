"""Logins: passwords and tokens, and what issues, checks and remembers them.

`authenticator` says what a way of logging in is; each file beside it is one, or a part of one.
Nothing here answers requests: `lading.edge.authentication` does, with what it finds here.
"""

"""What is wrong with something that logins rest on: a file of users, of keys, of certificates."""


class AuthUnusable(Exception):
    """It cannot be used; the message says why, and what to do. It holds no secret."""

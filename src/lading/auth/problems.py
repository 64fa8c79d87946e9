"""The error of files that logins rest on: of users, of keys, of certificates."""


class AuthUnusable(Exception):
    """A file that logins rest on and that cannot be used; the message holds no secret."""

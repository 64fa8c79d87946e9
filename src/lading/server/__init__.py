"""The server of ASGI applications: `http` speaks with clients, `process` runs and ends workers."""

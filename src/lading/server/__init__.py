"""The server of ASGI applications: `http` speaks with clients, `process` runs and ends workers.

It is our own so that bounds hold before an application hears of a request, and so that bodies are
not copied on their way. `http` serves any ASGI application; only `process` knows which one it is.
"""

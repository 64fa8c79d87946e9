"""The registry protocol over HTTP: an ASGI application without a framework.

A request becomes values (`request`, `routes`), a grant (`guard`), a call of a service (the
handlers), and a response that says what to send, not how (`response`, `send`).
"""

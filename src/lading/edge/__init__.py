"""The edge: what any way in over HTTP needs, as `lading.api` is one.

`application` runs the endpoints of a way in: it finds the row of the table, has `authentication`
let the caller in, calls the handler, sends what it answers, and tells the observers.
Nothing here knows the registry protocol.
"""

"""The registry protocol: one way in over HTTP, which the edge serves.

A table of endpoints (`routes`), their handlers by what they are about, and answers to what goes
wrong (`errors`). A handler makes values of what a request holds, calls a service, and says what to
send; how that leaves is the edge's.
"""

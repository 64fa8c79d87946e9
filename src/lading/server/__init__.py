"""The HTTP server: connections of our own, in processes that share one socket.

uvicorn runs each process.
"""

"""What whoever watches a server asks: figures of all workers, and whether it is well.

Served at an address of its own (`http.debug.addr`), by whichever worker takes the connection.
"""

"""HTTP/1.1 with bounds: bytes of connections become ASGI's messages, and back.

What a client may make this program keep, believe or wait for is limited here, and nowhere else.
"""

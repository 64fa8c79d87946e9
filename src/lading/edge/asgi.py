"""The shapes of ASGI (https://asgi.readthedocs.io, version 3)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LEAVING = "lading.leaving"
"""In the scope of a request of who watches: whether this server was told to stop."""

ARRIVED = "lading.arrived"
"""In the scope of a request: by when it had arrived and its turn had come, by `time.monotonic`.

One that was sent ahead has its turn when those before it are answered, however long that takes. Of
this registry's own server; another one need not say.
"""

PIPES = "lading.pipes"
"""Among the extensions in the scope of a request: a message of that type may be sent as a part of
the body, of which `count` bytes are taken out of the pipe `file`. Of this registry's own server.
"""

UNHURRIED = "lading.unhurried"
"""In the scope of a request whose body is taken piece by piece: nothing of it is to be read ahead.

What is read ahead stays in memory while the application takes its time, for each connection. Of
this registry's own server; another one reads as it likes.
"""

"""The shapes of ASGI (https://asgi.readthedocs.io, version 3)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ARRIVED = "lading.arrived"
"""In the scope of a request: by when its head had arrived, as `time.monotonic` tells it.

Of this registry's own server; another one need not say.
"""

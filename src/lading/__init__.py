"""lading: a container registry.

What `docker push` pushes to and `docker pull` pulls from. `ARCHITECTURE.md` is the map.
"""

__version__ = "0.1.0"

"""What any way in over HTTP needs: requests and responses as values, bodies within bounds, callers.

Nothing here knows the registry protocol: that is `lading.api`, one way in.
"""

"""The HTTP server: uvicorn, with bounds, in several processes that share one socket."""

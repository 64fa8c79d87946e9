"""Processes that serve: a supervisor and its workers, which accept from one socket.

A worker owns a loop, its connections, and the life of one application; nothing here reads HTTP.
"""

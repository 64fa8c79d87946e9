"""Garbage: what nothing needs is found, counted and removed, unless something holds it."""

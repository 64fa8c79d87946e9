"""Measures lading beside other registries: the same work against each in turn (`make bench`).

Each registry is a real process with fresh data on this machine. What is measured is in `works`,
one file per kind of request; who is measured in `registries`; what comes out of it goes into
`docs/performance.md`.
"""

"""Bytes in an object store that speaks S3.

An object belongs to one upload and is never changed: no key is used twice. Only this room speaks to
obstore, which does the requests; rows, which other rooms keep, say what an object is for.
"""

"""Archives: the bytes of layers, decompressed and listed within bounds.

What is in an archive is a stranger's word: sizes, tables of contents (eStargz, zstd:chunked) and
names are believed of nothing but themselves.
"""

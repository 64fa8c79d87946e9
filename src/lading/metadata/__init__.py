"""What is known: the `Metadata` port on SQL. Rows in, values out, one file per noun.

Here are the nouns of pushes, pulls and deletes; folders have those that only some services need.
"""

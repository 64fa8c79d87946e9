"""What is known: the `Metadata` port on SQL. Rows in, values out, one file per noun."""

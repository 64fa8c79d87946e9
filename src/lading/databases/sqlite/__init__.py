"""SQLite: the one folder that imports `sqlite3`. Files, connections, schema; no noun's rows."""

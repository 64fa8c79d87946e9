"""PostgreSQL: the one folder that imports `psycopg`. Connections and tables; no noun's rows."""

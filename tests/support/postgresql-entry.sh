# What the entry point of PostgreSQL's own image does, as far as deploy/scale-out asks for it.
set -e
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PGDATA=/var/lib/postgresql/data
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }

mkdir -p "$PGDATA" /run/postgresql
chown postgres: "$PGDATA" /run/postgresql
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    chown postgres: /tmp/password
    # shellcheck disable=SC2086 # several words
    as_postgres initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C $POSTGRES_INITDB_ARGS
    echo "CREATE DATABASE $POSTGRES_DB" | as_postgres postgres --single postgres
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups postgres -c listen_addresses='*'

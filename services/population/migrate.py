"""`python3 -m services.population.migrate`: database, reader and synthetic people, made or left as they are.

Run before the service at each start, with the owner's password, which the service itself never sees.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import psycopg
from psycopg import sql

from services.population import settings
from services.population.people import people

logger = logging.getLogger("population.migrate")

SCHEMA = Path(__file__).with_name("schema.sql")
#: Two pods that start at once take turns.
LOCK = 0x79_72_64
#: The database may start together with us: seconds until we give up, and between attempts.
PATIENCE, PAUSE = 90.0, 1.0

Connection = psycopg.Connection[tuple[object, ...]]


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    owner, reader = settings.owner(), settings.reader()
    with _connect(owner, "postgres", time.monotonic() + PATIENCE) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        ensure_reader(connection, reader)
        ensure_database(connection, settings.database())
    with _connect(owner, settings.database(), time.monotonic() + PATIENCE) as connection:
        added = fill(connection, reader.user, os.environ["POPULATION_REGION"], int(os.environ["POPULATION_PEOPLE"]))
    logger.info("schema is in place, %d people added", added)


def ensure_reader(connection: Connection, login: settings.Login) -> None:
    """The service's role. The password is hashed here, so that the server never receives it in clear."""
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login.user,)).fetchone()
    verb = sql.SQL("CREATE ROLE" if known is None else "ALTER ROLE")
    secret = connection.pgconn.encrypt_password(login.password.encode(), login.user.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("{verb} {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 20 PASSWORD {secret}").format(
            verb=verb, role=sql.Identifier(login.user), secret=sql.Literal(secret.decode())
        )
    )


def ensure_database(connection: Connection, name: str) -> None:
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def fill(connection: Connection, reader: str, region: str, count: int) -> int:
    """Schema, rights, people, in one transaction; returns how many people were new."""
    role, name = sql.Identifier(reader), sql.Identifier(connection.info.dbname)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(SCHEMA.read_bytes())
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, role))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA population TO {}").format(role))
        cursor.execute(sql.SQL("GRANT SELECT ON population.person TO {}").format(role))
        cursor.execute("CREATE TEMPORARY TABLE incoming (citizen_id text, name text) ON COMMIT DROP")
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            for person in people(region, count):
                copy.write_row((person.citizen_id, person.name))
        cursor.execute("INSERT INTO population.person SELECT * FROM incoming ON CONFLICT (citizen_id) DO NOTHING")
        return cursor.rowcount


def _connect(login: settings.Login, database: str, until: float) -> Connection:
    """Tries until the clock says `until`. Raises psycopg.OperationalError."""
    while True:
        try:
            return psycopg.connect(user=login.user, password=login.password, dbname=database, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() >= until:
                raise
            logger.info("the database does not answer yet")
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()

"""The one question that the database is asked, over a small pool of connections."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import TypeVar

import psycopg

logger = logging.getLogger("population.store")

T = TypeVar("T")

#: Longest that a request waits for a connection, in seconds; below the exchange's timeout.
WAIT = 2.0
#: Longest that a statement may run, in milliseconds.
STATEMENT_TIMEOUT = 2000

Connection = psycopg.Connection[tuple[object, ...]]


class StoreUnavailableError(Exception):
    """The database did not answer in time; the same question may be answered later."""


class Store:
    """Lends each connection to one request at a time; a broken one is dropped and made anew."""

    def __init__(self, connect: Callable[[], Connection], size: int = 4) -> None:
        self._connect = connect
        self._slots: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._slots.put(None)

    def matches(self, citizen_id: str, name: str, fresh: bool = False) -> bool:
        """Whether a person of this number and this name exists; with `fresh` over a new connection, logged in anew.

        Raises StoreUnavailableError.
        """
        row = self._ask(
            lambda connection: connection.execute(
                "SELECT EXISTS (SELECT FROM population.person WHERE citizen_id = %s AND name = %s)", (citizen_id, name)
            ).fetchone(),
            fresh=fresh,
        )
        return row == (True,)

    def ready(self) -> bool:
        """Whether a question would be answered now."""
        try:
            self._ask(lambda connection: connection.execute("SELECT FROM population.person LIMIT 1"))
        except StoreUnavailableError:
            return False
        return True

    def _ask(self, question: Callable[[Connection], T], *, fresh: bool = False) -> T:
        try:
            lent = self._slots.get(timeout=WAIT)
        except queue.Empty:
            raise StoreUnavailableError from None
        try:
            if fresh and lent is not None:
                lent.close()
                lent = None
            lent, result = self._answer(lent, question)
        except psycopg.Error as broken:
            # The driver's message may quote what was asked: only its kind is told.
            logger.warning("database: %s, SQLSTATE %s", type(broken).__name__, broken.sqlstate)
            lent = None
            raise StoreUnavailableError from None
        finally:
            self._slots.put(lent)
        return result

    def _answer(self, lent: Connection | None, question: Callable[[Connection], T]) -> tuple[Connection, T]:
        """Asks once more over a new connection when the old one turns out to be dead: the database was restarted."""
        if lent is not None:
            try:
                return lent, question(lent)
            except psycopg.OperationalError:
                if not lent.closed:
                    lent.close()
                    raise
        fresh = self._connect()
        try:
            return fresh, question(fresh)
        except psycopg.Error:
            fresh.close()
            raise


def connector(login: Callable[[], tuple[str, str]]) -> Callable[[], Connection]:
    """Opens read-only connections, each statement a transaction of its own."""

    def connect() -> Connection:
        user, password = login()
        return psycopg.connect(
            user=user,
            password=password,
            autocommit=True,
            application_name="population",
            options=f"-c statement_timeout={STATEMENT_TIMEOUT} -c default_transaction_read_only=on",
        )

    return connect

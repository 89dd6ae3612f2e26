"""Start the prober, aim it anew while it runs, take what it measured."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from clients import shell
from clients.gaps import Gaps
from clients.prober import PATIENCE, Request
from model.errors import UnreachableError, YrdError

#: Seconds in which a target must answer steadily.
STEADY = 60.0
#: Seconds after which what a request carries is looked up anew.
FRESH = 60.0
ROOT = Path(__file__).resolve().parents[1]


class Load:
    """A constant load for as long as the context is open; `gaps` afterwards.

    `namespace` is the network namespace to ask from, empty for this host's own.
    """

    def __init__(self, request: Request, namespace: str = "") -> None:
        self.request, self.namespace = request, namespace
        self.aimed = 0
        self.gaps: Gaps | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Load:
        """Raises UnreachableError (E340) when the first requests do not succeed: what is broken before is no measure."""
        self._process = subprocess.Popen(
            _command(self.namespace),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        try:
            self._send(self.request)
        except YrdError:
            self._process.kill()
            raise
        return self

    def aim(self, request: Request) -> None:
        """Ask for `request` from now on. Returns when it answers steadily and no earlier request is under way.

        Raises UnreachableError (E340): whoever changed something must not go on to take the old away.
        """
        with self._turn:
            if request != self.request:
                self._send(request)
                self.request = request

    @contextmanager
    def kept_fresh(self, request: Callable[[], Request], every: float = FRESH) -> Iterator[None]:
        """Ask for `request()` anew now and then meanwhile: a token in it ends earlier than a rotation may take."""
        done = threading.Event()

        def keep() -> None:
            while not done.wait(every):
                # Whoever rotates looks again after each step; a renewal that failed shows in what is measured.
                with contextlib.suppress(YrdError):
                    self.aim(request())

        keeper = threading.Thread(target=keep, daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _send(self, request: Request) -> None:
        assert self._process.stdin  # noqa: S101 - opened as a pipe
        self._process.stdin.write(json.dumps(asdict(request)) + "\n")
        self._process.stdin.flush()
        self.aimed += 1
        told: dict[str, Any] = {}
        deadline = time.monotonic() + STEADY
        # A target that was late may be told of after its time: only the newest counts.
        while told.get("aimed") != self.aimed:
            if time.monotonic() > deadline or self._process.poll() is not None:
                where = f"{request.host}:{request.port}"
                raise UnreachableError(
                    "E340",
                    f"{where} 未能稳定应答",
                    f"{where} does not answer the load as wanted",
                    "先修复再轮换：yrd status",
                    "mend it before anything is rotated: `yrd status`",
                )
            told = self._line(deadline - time.monotonic())

    def _line(self, seconds: float) -> dict[str, Any]:
        """What the prober says next; empty when it says nothing in time."""
        assert self._process.stdout  # noqa: S101 - opened as a pipe
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else ""
        return dict(json.loads(line)) if line else {}

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin  # noqa: S101 - opened as a pipe
        self._process.stdin.close()
        seen = self._line(PATIENCE + 5)
        self._process.kill()
        self._process.wait()
        if seen:
            self.gaps = Gaps(**seen)


def once(request: Request, namespace: str = "") -> str:
    """One request over a new connection, not repeated: what was wrong with the answer, empty for the wanted one."""
    line = json.dumps(asdict(request)) + "\n"
    done = shell.run([*_command(namespace), "--once"], stdin=line, timeout=PATIENCE + 30, cwd=ROOT)
    return str(json.loads(done.stdout)["fault"])


def _command(namespace: str) -> list[str]:
    within = ["ip", "netns", "exec", namespace] if namespace else []
    return [*within, sys.executable, "-m", "clients.prober"]

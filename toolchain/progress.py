"""What a long build tells while it runs: one line per thing, with its step and the time it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

#: Called with (name, step); `READY` ends a name's line.
Report = Callable[[str, str], None]
READY = "ready"


def quiet(_name: str, _step: str) -> None:
    """A report that nobody reads."""


class Board:
    """A live table on a terminal, plain lines elsewhere; safe to call from several threads.

    >>> with Board() as report:
    ...     report("helm", "building")
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("[bold]{task.description:<24}"),
            TextColumn("{task.fields[step]:<28}"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Report:
        if self._console.is_terminal:
            self._progress.start()
        return self._line if not self._console.is_terminal else self._row

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def _line(self, name: str, step: str) -> None:
        with self._lock:
            now = time.monotonic()
            seconds = now - self._begun.setdefault(name, now)
            self._console.print(f"{name}: {step} ({seconds:.1f} s)", highlight=False)

    def _row(self, name: str, step: str) -> None:
        with self._lock:
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=1, step=step)
            self._progress.update(self._tasks[name], step=step, completed=1 if step == READY else 0)

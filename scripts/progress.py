"""The display of long work: one line per province with what runs, for how long, and what came last."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stacks.driver import StackRun


class Display:
    """A live table on a terminal; elsewhere one line whenever a stack's current step changes."""

    def __init__(self, console: Console, title: str, *, quiet: bool = False) -> None:
        self.console, self.title, self.quiet = console, title, quiet
        self.began = time.monotonic()
        self._said: dict[str, str] = {}
        self._live = (
            Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal and not quiet else None
        )

    def __enter__(self) -> Display:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, value, trace)

    def show(self, runs: dict[str, StackRun]) -> None:
        if self._live:
            self._live.update(table(self.title, runs, time.monotonic() - self.began))
        elif not self.quiet:
            for run in runs.values():
                self._line(run)

    def _line(self, run: StackRun) -> None:
        now = step(run)
        if now and self._said.get(run.name) != now:
            self._said[run.name] = now
            self.console.print(f"{time.monotonic() - self.began:6.1f}s {run.unit:10} {now}", highlight=False)


def step(run: StackRun) -> str:
    """What a stack does now, in a few words."""
    if run.code is not None:
        return "done" if run.code == 0 else f"failed: {run.errors[0].splitlines()[0][:100] if run.errors else run.code}"
    oldest = sorted(run.doing.items(), key=lambda item: item[1])
    names = [name for name, _ in oldest if not name.startswith(("yrd-govcloud", "default"))]
    return ", ".join(names[-3:])


def table(title: str, runs: dict[str, StackRun], seconds: float) -> Table:
    drawn = Table(title=f"{title}  {seconds:.0f} s", title_justify="left", expand=True)
    for column, ratio in (("", 1), ("done", 1), ("doing", 4), ("task", 4)):
        drawn.add_column(column, ratio=ratio, no_wrap=True)
    for run in runs.values():
        style = "green" if run.code == 0 else "red" if run.code else "cyan"
        drawn.add_row(Text(run.unit, style=style), str(run.finished), step(run), run.task if run.code is None else "")
    return drawn

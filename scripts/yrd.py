"""The `yrd` command: thin verbs, each calls a room. Exit codes: 0 clean, 1 a check failed, 2 bad input, 3 could not evaluate."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from model.errors import YrdError
from scripts import (
    access_verbs,
    drill_verbs,
    environment_verbs,
    operator_verbs,
    region_verbs,
    rotate_verbs,
    scan_verbs,
    watch_verbs,
)

app = typer.Typer(
    name="yrd",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Shared government cloud of four provinces. 四省共享政务云。",
)
environment_verbs.register(app)
region_verbs.register(app)
operator_verbs.register(app)
watch_verbs.register(app)
access_verbs.register(app)
scan_verbs.register(app)
rotate_verbs.register(app)
drill_verbs.register(app)


def main() -> None:
    """Entry point: a YrdError becomes its text and exit code, never a traceback."""
    try:
        app()
    except YrdError as error:
        Console(stderr=True).print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

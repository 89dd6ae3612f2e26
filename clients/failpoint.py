"""Die at a named place, so that a test can prove that the next run finishes what this one began."""

from __future__ import annotations

import os
import signal

#: The name of the place to die at; unset in every run that is not such a test.
VARIABLE = "YRD_FAILPOINT"


def failpoint(name: str) -> None:
    """SIGKILL our own process if `YRD_FAILPOINT` names this place: no handler runs, nothing is flushed."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)

"""Entry of the stock `pulumi` command: the same program as `yrd up` runs, chosen by the name of the selected stack."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pulumi  # noqa: E402  (the rooms lie beside this folder, which is not yet on the path above)

from stacks.program import run  # noqa: E402

run(pulumi.get_stack())

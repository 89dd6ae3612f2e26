"""Entry of the stock `pulumi` command: the same program as `yrd up` runs, chosen by the name of the selected stack."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pulumi

from stacks.program import run

run(pulumi.get_stack())

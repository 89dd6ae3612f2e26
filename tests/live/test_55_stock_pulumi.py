"""The stock `pulumi` command runs the same program on the same state, and sees nothing to do."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from stacks.program import REGION
from stacks.worker import environment
from tests.live import support

HOST = "pulumi-language-python"


@pytest.mark.skipif(
    not shutil.which(HOST),
    reason=f"{HOST} is on no package registry; put it on PATH (built at the CLI's tag) to run this test",
)
@pytest.mark.parametrize("unit", [REGION, "anhui"])
def test_a_stock_preview_shows_no_change(unit: str) -> None:
    variables = environment(support.ENVIRONMENT)
    path = os.pathsep.join([variables["PATH"], os.environ["PATH"]])
    done = subprocess.run(
        ["pulumi", "preview", "--stack", f"{support.ENVIRONMENT}.{unit}", "--expect-no-changes", "--non-interactive"],
        cwd=support.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **variables, "PATH": path},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unchanged" in done.stdout

"""An OpenBao on loopback for the length of a drill: the role's own configuration, a folder that is removed, nothing else.

A snapshot brings its declared audit devices along and the server insists on the same paths, which belong to the machine:
the process sees a `/var/log` of its own. It is killed with the run that started it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clients import openbao, ports
from clients.templates import render
from toolchain import install

LOGS = "/var/log"


@dataclass
class Scratch:
    """A server that nobody has initialised yet."""

    folder: Path
    port: int
    program: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.folder / "etc/openbao/tls/bootstrap.crt"

    def prepare(self, **values: object) -> None:
        """Configuration and certificate as the role makes them, below our folder."""
        values = {"openbao_address": "127.0.0.1", "openbao_node": "drill", "openbao_port": self.port, **values}
        text = render("openbao", "etc/openbao/openbao.hcl.j2", **values)
        for place in ("/etc/openbao", "/var/lib/openbao"):
            (self.folder / place[1:]).mkdir(parents=True)
            text = text.replace(f'"{place}', f'"{self.folder}{place}')
        (self.folder / "etc/openbao/openbao.hcl").write_text(text)
        script = render("openbao", "usr/local/sbin/openbao-bootstrap.j2", **values)
        environment = {**os.environ, "OPENBAO_ROOT": str(self.folder)}
        subprocess.run(["sh", "-c", script], env=environment, check=True, capture_output=True)

    def start(self) -> None:
        """Raises UnavailableError when it does not come up."""
        logs = f"mount -t tmpfs -o mode=700 yrd-drill {LOGS} && mkdir -m 700 {LOGS}/openbao"
        serve = f'{logs} && exec "$0" server -config="$1"'
        own = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
        command = ["setpriv", "--pdeathsig", "KILL", *own, "sh", "-c", serve]
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [*command, str(self.program), str(self.folder / "etc/openbao/openbao.hcl")], stdout=out, stderr=out
            )
        openbao.health(self.url, self.ca)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def again(self) -> None:
        self.stop()
        self.start()


@contextmanager
def running(**values: object) -> Iterator[Scratch]:
    """`values` are variables of the role."""
    folder = Path(tempfile.mkdtemp(prefix="yrd-drill-"))
    server = Scratch(folder, ports.free_pair(), install.tool("bao"))
    try:
        server.prepare(**values)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)

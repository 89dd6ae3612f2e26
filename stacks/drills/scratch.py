"""An OpenBao on loopback for the length of a drill: the role's own configuration, a folder that is removed, nothing else.

A snapshot brings its declared audit devices along and the server insists on the same paths, which belong to the machine:
the process sees a `/var/log` of its own. It is killed with the run that started it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import yaml

from clients import ansible, openbao
from toolchain import install

ROLE = ansible.ROLES / "openbao"
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
        text = _render("etc/openbao/openbao.hcl.j2", values)
        for place in ("/etc/openbao", "/var/lib/openbao"):
            (self.folder / place[1:]).mkdir(parents=True)
            text = text.replace(f'"{place}', f'"{self.folder}{place}')
        (self.folder / "etc/openbao/openbao.hcl").write_text(text)
        script = _render("usr/local/sbin/openbao-bootstrap.j2", values)
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
    server = Scratch(folder, _free_port(), install.tool("bao"))
    try:
        server.prepare(**values)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _render(path: str, values: dict[str, object]) -> str:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - configuration of a server, not HTML
    )
    return environment.get_template(path).render({"ansible_managed": "yrd drill", **defaults, **values})


def _free_port() -> int:
    """One that nobody uses and whose successor nobody uses: for the API and for the members."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port

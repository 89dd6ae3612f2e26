"""Certificates per second: through our client, and what the server gives to a loop that does nothing else, measured in turns.

    make bench-certificates            # or: python -m tests.bench.certificates --repeat 5 --seconds 4 --json

A real OpenBao with the role's own configuration (TLS, raft, two audit devices) on loopback, the role `kubelet.conf` (unstored)
and, for comparison, `exchange-egress` (stored). `client` makes key and request and has it signed as `yrd up` does; `raw` sends one
request made before over a kept connection and reads the answer to its end. Both run with as many workers as given, each
a process of its own. Wall time depends on what else the machine does; processor time per certificate hardly does.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from clients import keys, openbao
from model import access, pki
from model.derive import Plan, derive
from model.load import find_root, load
from model.pki import PkiRole
from model.secrets import secrets_spec
from stacks import secrets_issue
from stacks.secrets_custody import credentials, establish, initialise
from tests.secrets.conftest import Server, from_anywhere, running

#: Wanted of the client on the unstored path (certificates per second, 2 cores).
GOAL = 400.0


@dataclass(frozen=True)
class Target:
    """Where to ask and for what; plain data, so that a worker can be given it."""

    url: str
    ca: Path
    token: str
    role: PkiRole


@dataclass(frozen=True)
class Rate:
    """One measurement. Processor milliseconds per certificate: of all workers, and of the server."""

    certificates: int
    per_second: float
    worker_ms: float
    server_ms: float


Work = Callable[[Target, float], int]


def through_client(target: Target, until: float) -> int:
    """Key, request, signature, bundle: the path of `stacks/secrets_issue.py`."""
    session, count = openbao.OpenBao(target.url, target.ca, target.token), 0
    while time.monotonic() < until:
        secrets_issue.signed(session, target.role)
        count += 1
    return count


def raw(target: Target, until: float) -> int:
    """The same request again and again over one connection; the answer is read and thrown away."""
    address = urlsplit(target.url)
    context = ssl.create_default_context(cafile=str(target.ca))
    link = http.client.HTTPSConnection(str(address.hostname), address.port, context=context)
    csr = keys.request(keys.new_key(), secrets_issue.subject(target.role))
    body = json.dumps({"csr": csr, "exclude_cn_from_sans": True, "format": "pem"})
    headers, count = {"X-Vault-Token": target.token, "Content-Type": "application/json"}, 0
    while time.monotonic() < until:
        link.request("POST", f"/v1/{target.role.sign_path}", body, headers)
        answer = link.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target.role.sign_path}: {answer.status}")
        count += 1
    return count


def measure(work: Work, target: Target, workers: int, seconds: float, server: int) -> Rate:
    """All workers at once for `seconds`; each begins when all are there."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(workers + 1), context.SimpleQueue()

    def run() -> None:
        openbao.OpenBao(target.url, target.ca, target.token).alive()
        barrier.wait()
        before = time.process_time()
        count = work(target, time.monotonic() + seconds)
        results.put((count, time.process_time() - before))

    processes = [context.Process(target=run) for _ in range(workers)]
    for process in processes:
        process.start()
    barrier.wait()
    began, cpu = time.monotonic(), cpu_seconds(server)
    rows = [results.get() for _ in processes]
    took, spent = time.monotonic() - began, cpu_seconds(server) - cpu
    for process in processes:
        process.join()
    total = sum(count for count, _ in rows)
    own = sum(used for _, used in rows)
    return Rate(total, round(total / took, 1), round(own / total * 1e3, 2), round(spent / total * 1e3, 2))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def prepared() -> Iterator[tuple[Server, dict[str, Target]]]:
    """Anhui's OpenBao on loopback, as `yrd up` configures it; who may sign a role comes from its own policy."""
    now = datetime.now(UTC)
    plan: Plan = derive(load(find_root(), now), "local", now)
    with tempfile.TemporaryDirectory(prefix="yrd-bench-") as folder, running(Path(folder)) as server:
        initialise(server.url, server.ca, server.custody)
        spec = from_anywhere(secrets_spec(plan, plan.province("anhui")))
        establish(spec, server.url, server.ca, server.custody, server.deployer)
        deployer = openbao.connect(server.url, server.ca, openbao.load(server.deployer))
        held = credentials(deployer, spec, access.SIGNER)
        signer = openbao.connect(server.url, server.ca, openbao.AppRole(**held))
        targets = {
            "unstored": (signer, spec.role(pki.KUBERNETES, "kubelet.conf")),
            "stored": (deployer, spec.role(pki.SERVER, "exchange-egress")),
        }
        yield server, {k: Target(server.url, server.ca, str(c.client.token), r) for k, (c, r) in targets.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows: dict[str, list[Rate]] = {"client": [], "raw": [], "client stored": []}
    turns = (
        ("client", through_client, "unstored"),
        ("raw", raw, "unstored"),
        ("client stored", through_client, "stored"),
    )
    with prepared() as (server, targets):
        pid = server.process.pid if server.process else 0
        for _ in range(asked.repeat):
            # In turns, so that a neighbour's noise falls on each.
            for name, work, target in turns:
                rows[name].append(measure(work, targets[target], asked.workers, asked.seconds, pid))
    return told(rows, as_json=asked.json)


def told(rows: dict[str, list[Rate]], *, as_json: bool) -> int:
    """Medians; exit 1 when the goal is missed."""
    middle = {name: statistics.median(r.per_second for r in found) for name, found in rows.items()}
    ratio = round(middle["client"] / middle["raw"], 2)
    if as_json:
        runs = {name: [asdict(r) for r in found] for name, found in rows.items()}
        print(json.dumps({"median": middle, "client_of_server": ratio, "load": os.getloadavg()[0], "runs": runs}))  # noqa: T201
    else:
        for name, found in rows.items():
            worker, server = (statistics.median(getattr(r, k) for r in found) for k in ("worker_ms", "server_ms"))
            spread = f"{min(r.per_second for r in found):.0f} to {max(r.per_second for r in found):.0f}"
            print(f"{name:14} {middle[name]:7.0f}/s ({spread})  workers {worker:.2f} ms, server {server:.2f} ms each")  # noqa: T201
        print(f"client / server's own limit: {ratio}; load of the machine {os.getloadavg()[0]:.1f}")  # noqa: T201
    return 0 if middle["client"] >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())

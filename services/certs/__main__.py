"""`certs ensure [--spec FILE ...] [--check]`: prints what it did as JSON; exit codes as everywhere (0, 1, 2, 3)."""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from clients import openbao
from clients.openbao import OpenBao
from model.errors import UnreachableError, YrdError
from services.certs.ensure import Report, ensure, merged
from services.certs.renew import Pending, reload
from services.certs.spec import Connection, load

FOLDER = Path("/etc/yrd")
#: Beside PENDING: a time (ISO 8601), older than which no certificate is kept.
ANEW = "certs-anew"
PENDING = Path("/var/lib/yrd/certs-pending.json")


def main(argv: Sequence[str] | None = None, tell: Callable[[str], None] = reload) -> int:
    """Entry point of the zipapp. `tell` makes a holder of a new certificate read it."""
    parser = argparse.ArgumentParser(prog="certs", description=__doc__)
    parser.add_argument("verb", choices=["ensure"])
    parser.add_argument("--spec", type=Path, action="append", help=f"default: {FOLDER}/certs*.json")
    parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--pending", type=Path, default=PENDING, help="where reloads that are owed are kept")
    options = parser.parse_args(argv)
    try:
        specs = options.spec or sorted(FOLDER.glob("certs*.json"))
        with alone(options.pending):
            report = merged([_run(path, options.pending, tell, check=options.check) for path in specs])
    except YrdError as fault:
        sys.stderr.write(f"{fault}\n")
        return fault.exit_code
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return 0


def _run(path: Path, pending: Path, tell: Callable[[str], None], *, check: bool) -> Report:
    spec = load(path)
    with session(spec.connection) as client:
        anew = _anew(pending.with_name(ANEW))
        return ensure(spec, client, Pending(pending), datetime.now(UTC), tell, check=check, anew=anew)


def _anew(mark: Path) -> datetime | None:
    """When somebody asked that nothing older be kept; the mark stays, and asks for nothing more once it was done."""
    return datetime.fromisoformat(mark.read_text().strip()) if mark.exists() else None


@contextmanager
def alone(pending: Path) -> Iterator[None]:
    """The timer and a deployment may meet; the second waits."""
    pending.parent.mkdir(parents=True, exist_ok=True)
    with pending.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def session(connection: Connection) -> Iterator[OpenBao]:
    """A session that trusts the site's root and, on the server's own machine, its bootstrap certificate."""
    trusted = [path.read_text() for path in connection.trust if path.exists()]
    if not trusted:
        shown = ", ".join(map(str, connection.trust))
        raise UnreachableError("E314", f"缺少信任锚：{shown}", f"nothing to trust OpenBao by: {shown}", *_FIX)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as bundle:
        bundle.write("\n".join(trusted))
        bundle.flush()
        yield openbao.connect(connection.url, Path(bundle.name), _credential(connection))


_FIX = ("先放置站点根证书", "put the site's published root there first")


def _credential(connection: Connection) -> openbao.AppRole:
    try:
        return openbao.load(connection.credential)
    except (OSError, KeyError, ValueError) as fault:
        said = f"{connection.credential}: {type(fault).__name__}"
        raise YrdError("E315", f"凭据不可用：{said}", f"no usable credential: {said}", *_FIX_CREDENTIAL) from fault


_FIX_CREDENTIAL = ("由 yrd up 发放", "`yrd up` hands it out")


if __name__ == "__main__":
    sys.exit(main())

"""The agent of a province. Configuration: /etc/yrd/custody.json; wards: /etc/yrd/custody/<site>.json beside <site>.pem."""

from __future__ import annotations

import json
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.bao import Session
from services.custody import envelope, snapshots
from services.custody.shares import Helper, Ward

#: Seconds between two looks at the neighbours' seals.
EVERY = 1.0
#: Seconds between two questions for a newer snapshot of a neighbour's; what is kept already is not sent again.
FETCH = 10.0
#: Everything that a neighbour or our own store may do to us: told, and tried again.
FAULTS = (OSError, ValueError, KeyError)


def say(**facts: Any) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)  # noqa: T201  (the journal reads it)


class Agent:
    """Two loops: seals, which matter within seconds, and snapshots, which matter within a minute."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.wards, self.data = Path(settings["wards"]), Path(settings["data"])
        self.session = Session(settings["openbao"], settings["ca"], Path(settings["credential"]))
        self.helper = Helper(self.session, settings["key"])
        self.wake = threading.Event()
        self._told: dict[str, str] = {}

    def run(self) -> None:
        """For ever."""
        signal.signal(signal.SIGHUP, lambda *_: self.wake.set())
        address = (self.settings["listen"], int(self.settings["port"]))
        snapshots.Server(address, self.data, self.settings["certificate"], self.settings["key_file"]).start()
        threading.Thread(target=self.keep_snapshots, daemon=True).start()
        while True:
            for path in sorted(self.wards.glob("*.json")):
                self._attempt(path.stem, lambda path=path: self._tend(path))
            time.sleep(EVERY)

    def keep_snapshots(self) -> None:
        """Ours when it is time, everybody's as soon as there is a newer one; a SIGHUP asks for one at once."""
        site, recipient = self.settings["site"], Path(self.settings["recipient"])
        signer = envelope.Signer(Path(self.settings["certificate"]), Path(self.settings["key_file"]))
        due = 0.0
        while True:
            asked = self.wake.is_set()
            self.wake.clear()
            if recipient.exists() and (asked or time.monotonic() >= due):
                due = time.monotonic() + float(self.settings["every"])
                self._attempt("snapshot", lambda: self._take(recipient, signer, site))
            for path in sorted(self.wards.glob("*.snapshot")):
                self._attempt(f"snapshot of {path.stem}", lambda path=path: self._fetch(path))
            self.wake.wait(FETCH)

    def _tend(self, path: Path) -> str:
        if done := self.helper.tend(Ward.load(path)):
            say(event=f"share {done}", site=path.stem)
        return done

    def _take(self, recipient: Path, signer: envelope.Signer, site: str) -> None:
        snapshots.take(self.session, site, recipient, signer, self.data / site, datetime.now(UTC))

    def _fetch(self, path: Path) -> None:
        source = snapshots.Source.load(path)
        snapshots.fetch(source, self.data / source.site)

    def _attempt(self, subject: str, act: Any) -> None:
        """A fault is told once, until it ends or becomes another."""
        try:
            act()
            fault = ""
        except FAULTS as caught:
            fault = f"{type(caught).__name__}: {str(caught)[:200]}"
        if fault != self._told.get(subject, ""):
            say(event="retry" if fault else "well again", subject=subject, error=fault)
        self._told[subject] = fault


def main() -> None:
    Agent(json.loads(Path("/etc/yrd/custody.json").read_text())).run()


if __name__ == "__main__":
    main()

"""A constant load of HTTPS requests: `python -m clients.prober`, a process of its own so that nothing else delays it.

In: one JSON line per target (the fields of `Request`); the newest is asked from then on. Out: `{"aimed": n}` once the n-th
target has answered as wanted and nobody waits for an earlier one any more; after the end of the input, what was seen.

With `--once` a single request is made, and `{"fault": ...}` is what was wrong with it. Else:
one request every 10 ms on a schedule of its own (open loop: a slow answer delays no later request), each over a connection
of its own, without TLS resumption, never repeated. The clock starts with the first target's first successes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from clients.gaps import Answer, Gaps, measure

#: Seconds between two requests, and seconds after which an answer is not worth waiting for.
INTERVAL, PATIENCE = 0.010, 10.0
#: Successes in a row by which a target counts as answering; requests under way, above which the load is the fault itself.
STEADY, MOST = 10, 2_000


@dataclass(frozen=True)
class Request:
    """One request and the answer that counts as a success; `status` 0 takes any. PEM texts: a key goes through a pipe alone."""

    host: str
    port: int
    server_name: str
    ca: str
    certificate: str = ""
    key: str = field(default="", repr=False)
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = ""
    status: int = 200
    contains: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises ssl.SSLError for a pair that is none."""
        context = ssl.create_default_context(cadata=self.ca)
        if self.certificate:
            # The library reads pairs from files only; this one lies in memory and ends with the process.
            handle = os.memfd_create("pair")
            os.write(handle, f"{self.key}\n{self.certificate}".encode())
            context.load_cert_chain(f"/proc/self/fd/{handle}")
            os.close(handle)
        return context

    def text(self) -> bytes:
        body = self.body.encode()
        rows = {"host": self.server_name, "connection": "close", "content-length": str(len(body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in rows.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def fault(self, answer: bytes) -> str:
        """What is wrong with an answer; empty for the one that is wanted."""
        words = answer.split(b"\r\n", 1)[0].split()
        if len(words) < 2 or not words[1].isdigit():
            return "no answer"
        if self.status and int(words[1]) != self.status:
            return f"status {int(words[1])}"
        return "" if self.contains.encode() in answer else "another answer"


async def ask(request: Request, context: ssl.SSLContext) -> str:
    """One request over new connections; what was wrong, empty for a success."""
    writer = None
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                request.host, request.port, ssl=context, server_hostname=request.server_name
            )
            writer.write(request.text())
            return request.fault(await reader.read(-1))
    except (OSError, EOFError, TimeoutError) as broken:  # ssl.SSLError is an OSError
        return getattr(broken, "reason", "") or type(broken).__name__
    finally:
        if writer:
            writer.transport.abort()


class Prober:
    """The load: a schedule, the targets in their order, and every answer."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.targets: list[tuple[Request, ssl.SSLContext]] = []
        self.waiting: list[int] = []
        self.row: list[int] = []
        self.told = 0
        self.answers: list[Answer] = []
        self.began = 0.0
        self.tasks: set[asyncio.Task[None]] = set()

    def aim(self, line: str) -> None:
        request = Request(**json.loads(line))
        self.targets.append((request, request.context()))
        self.waiting.append(0)
        self.row.append(0)

    def fire(self) -> None:
        if len(self.tasks) >= MOST:
            self.answers.append(Answer(self.loop.time(), "too many under way"))
            return
        task = self.loop.create_task(self._one(len(self.targets) - 1))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _one(self, number: int) -> None:
        self.waiting[number] += 1
        fault = await ask(*self.targets[number])
        self.waiting[number] -= 1
        self.answers.append(Answer(self.loop.time(), fault))
        self.row[number] = 0 if fault else self.row[number] + 1
        if self.told < len(self.targets) and self.row[-1] >= STEADY and not any(self.waiting[:-1]):
            if not self.told:
                self.began, self.answers = self.loop.time(), []
            self.told = len(self.targets)
            print(json.dumps({"aimed": self.told}), flush=True)  # noqa: T201

    async def run(self) -> Gaps:
        """Until the input ends."""
        lines = asyncio.StreamReader(limit=1 << 20)
        await self.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        self.aim((await lines.readline()).decode())
        listening = self.loop.create_task(self._listen(lines))
        following = self.loop.time()
        while not listening.done():
            self.fire()
            following += INTERVAL
            if (pause := following - self.loop.time()) > 0:
                await asyncio.wait({listening}, timeout=pause)
            else:
                await asyncio.sleep(0)
        listening.result()
        ended = self.loop.time()
        if self.tasks:
            await asyncio.wait(self.tasks)
        return measure(self.answers, self.began or ended, ended)

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            self.aim(line.decode())


async def _once() -> None:
    request = Request(**json.loads(sys.stdin.readline()))
    print(json.dumps({"fault": await ask(request, request.context())}), flush=True)  # noqa: T201


async def _main() -> None:
    # The observer must not wait for what it observes; without the right it waits its turn.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    print(json.dumps(asdict(await Prober().run())), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_once() if "--once" in sys.argv else _main())

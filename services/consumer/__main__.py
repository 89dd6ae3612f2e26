"""`python3 -m services.consumer serve`, `token --agreement A`, or
`call --url URL [--agreement A] [--method M] [--trace T] [--json [BODY]]`.

A call prints one JSON object: `status`, `milliseconds`, `body`, `headers`, `trace`. Exit 0 for any HTTP answer, a
refusal included; 2 for a call that makes no sense; 3 when there was no answer, or no token to call with, and then the
object holds `error`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict

from services.consumer.call import BadCallError, call, traceparent
from services.consumer.health import server
from services.consumer.tokens import Tokens, client

STDIN = "-"


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python3 -m services.consumer")
    verbs = result.add_subparsers(dest="verb", required=True)
    verbs.add_parser("serve", help="stay alive and answer /healthz")
    show = verbs.add_parser("token", help="print the token that a call would carry as JSON")
    show.add_argument("--agreement", required=True)
    ask = verbs.add_parser("call", help="make one call and print the answer as JSON")
    ask.add_argument("--url", required=True)
    ask.add_argument("--method", default="GET", type=str.upper, choices=["GET", "POST", "PUT", "DELETE", "HEAD"])
    ask.add_argument("--trace", help="W3C traceparent; a fresh one otherwise")
    ask.add_argument("--agreement", help="carry a token of the province's realm for this agreement")
    # Arguments end up in process lists and audit logs: personal data comes by standard input.
    ask.add_argument("--json", nargs="?", const=STDIN, metavar="BODY", help="JSON body; `-` or nothing: standard input")
    ask.add_argument("--timeout", type=float, default=15.0, help="seconds")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    return {"serve": serve, "token": show, "call": ask}[options.verb](options)


def serve(_: argparse.Namespace) -> int:
    # Process 1 has no default for SIGTERM: without this the pod would be killed after its grace period.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stopped = threading.Event()
    fresh = threading.Thread(target=Tokens(client()).keep_fresh, args=(stopped, _say), daemon=True)
    fresh.start()
    server().serve_forever()
    return 0


def show(options: argparse.Namespace) -> int:
    try:
        return _print({"token": Tokens(client()).get(options.agreement)}, 0)
    except OSError as refused:
        return _print({"error": str(refused)}, 3)


def ask(options: argparse.Namespace) -> int:
    trace = options.trace or traceparent()
    text = sys.stdin.read() if options.json == STDIN else options.json
    try:
        token = Tokens(client()).get(options.agreement) if options.agreement else ""
        answer = call(options.url, options.method, trace, text.encode() if text else None, options.timeout, token)
    except BadCallError as bad:
        return _print({"error": str(bad), "trace": trace}, 2)
    except (OSError, http.client.HTTPException) as failed:
        return _print({"error": f"{type(failed).__name__}: {failed}", "trace": trace}, 3)
    return _print({**asdict(answer), "trace": trace}, 0)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _print(result: dict[str, object], code: int) -> int:
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Make one real call from a province's consumer: its pod, its identity, its gateways. Nothing is simulated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from clients import cluster, shell
from clients.helm import kubectl_environment
from model import names
from model.derive import Plan
from model.errors import UnreachableError
from model.types import Dataset, Operation

#: Born in 1900 in an unassigned district: a check digit that is right, and nobody's id.
NOBODY = {"citizen_id": "340100190001010010", "name": "测试"}


@dataclass(frozen=True)
class Attempt:
    """What the consumer saw. `reason` is the answer's own text, or why there was none."""

    allowed: bool
    status: int
    reason: str
    trace_id: str
    milliseconds: float

    def as_json(self) -> dict[str, object]:
        return {
            "allowed": self.allowed,
            "status": self.status,
            "reason": self.reason,
            "trace_id": self.trace_id,
            "milliseconds": self.milliseconds,
        }


def attempt(plan: Plan, kubectl: str, consumer: str, dataset: Dataset, method: str = "", path: str = "") -> Attempt:
    """Call `dataset` at its first provider as `consumer`, with its realm's token where an agreement gives it one.

    Raises UnreachableError when the consumer's pod cannot be asked.
    """
    operation: Operation = dataset.operations[0]
    host = names.exchange_host(dataset.providers[0], plan.world.region.domain)
    verb = (method or operation.method).upper()
    command = ["call", "--url", f"http://{host}{path or operation.path}", "--method", verb]
    if agreement := _agreement(plan, consumer, dataset):
        command += ["--agreement", agreement]
    body = json.dumps({k: NOBODY.get(k, "") for k in operation.request}, ensure_ascii=False) if verb == "POST" else ""
    answer = _ask(plan, kubectl, consumer, [*command, *(["--json"] if body else [])], body)
    status = int(str(answer.get("status", 0)))
    reason = str(answer.get("error") or answer.get("body") or "")[:300]
    trace = str(answer.get("trace", "")).split("-")
    took = float(str(answer.get("milliseconds", 0)))
    return Attempt(200 <= status < 300, status, reason, trace[1] if len(trace) > 1 else "", took)


def token(plan: Plan, kubectl: str, consumer: str, agreement: str) -> str:
    """The token that the consumer's pod would send now. Raises UnreachableError when it has none."""
    answer = _ask(plan, kubectl, consumer, ["token", "--agreement", agreement])
    if "token" not in answer:
        raise _silent(consumer, str(answer.get("error", "")))
    return str(answer["token"])


def _agreement(plan: Plan, consumer: str, dataset: Dataset) -> str:
    own = (f for f in plan.province(consumer).consumes if f.dataset.name == dataset.name)
    return next((f.agreement.name for f in own if f.provider == dataset.providers[0]), "")


def _ask(plan: Plan, kubectl: str, consumer: str, words: Sequence[str], body: str = "") -> dict[str, object]:
    """One command in the consumer's pod, and the last line that it printed."""
    config = cluster.kubeconfig(plan, plan.province(consumer))
    where = ["-n", names.CONSUMER_NAMESPACE, "exec", "-i", f"deploy/{names.CONSUMER_ACCOUNT}", "-c", "consumer"]
    done = shell.run(
        [kubectl, "--kubeconfig", str(config), *where, "--", "python3", "-m", "services.consumer", *words],
        stdin=body,
        check=False,
        timeout=60,
        env=kubectl_environment(),
    )
    try:
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError) as silent:
        raise _silent(consumer, done.stderr.strip()[-300:]) from silent


def _silent(consumer: str, said: str) -> UnreachableError:
    return UnreachableError(
        "E197",
        f"{consumer} 的调用方无法执行：{said}",
        f"{consumer}'s consumer cannot be asked: {said}",
        "先运行 yrd up",
        "run `yrd up` first",
    )

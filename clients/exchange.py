"""Make one real call from a province's consumer: its pod, its identity, its gateways. Nothing is simulated."""

from __future__ import annotations

import json
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
    """Call `dataset` at its first provider as `consumer`. Raises UnreachableError when the consumer's pod cannot be asked."""
    operation: Operation = dataset.operations[0]
    host = names.exchange_host(dataset.providers[0], plan.world.region.domain)
    verb = (method or operation.method).upper()
    command = [
        "python3",
        "-m",
        "services.consumer",
        "call",
        "--url",
        f"http://{host}{path or operation.path}",
        "--method",
        verb,
    ]
    body = json.dumps({k: NOBODY.get(k, "") for k in operation.request}, ensure_ascii=False) if verb == "POST" else ""
    config = cluster.kubeconfig(plan, plan.province(consumer))
    done = shell.run(
        [
            kubectl,
            "--kubeconfig",
            str(config),
            "-n",
            names.CONSUMER_NAMESPACE,
            "exec",
            "-i",
            f"deploy/{names.CONSUMER_ACCOUNT}",
            "-c",
            "consumer",
            "--",
            *command,
            *(["--json"] if body else []),
        ],
        stdin=body,
        check=False,
        timeout=60,
        env=kubectl_environment(),
    )
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as silent:
        said = done.stderr.strip()[-300:]
        raise UnreachableError(
            "E197",
            f"{consumer} 的调用方无法执行：{said}",
            f"{consumer}'s consumer cannot be asked: {said}",
            "先运行 yrd up",
            "run `yrd up` first",
        ) from silent
    status = int(answer.get("status", 0))
    reason = str(answer.get("error") or answer.get("body") or "")[:300]
    trace = str(answer.get("trace", "")).split("-")
    return Attempt(
        200 <= status < 300, status, reason, trace[1] if len(trace) > 1 else "", float(answer.get("milliseconds", 0))
    )

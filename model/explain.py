"""Who may call what, for how long, and what opens it: agreements in words and as data. Pure, no clock of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from model import names
from model.codes import Words
from model.derive import Plan
from model.errors import BadInputError
from model.types import Agreement, Dataset, Operation, Text, World

State = Literal["in-force", "not-yet", "expired"]
Language = Literal["zh", "en"]

STATES: Mapping[State, Words] = {
    "in-force": Words("生效中", "in force"),
    "not-yet": Words("尚未生效", "not yet in force"),
    "expired": Words("已结束", "expired"),
}


@dataclass(frozen=True)
class AgreementState:
    """One agreement at one instant; `days` count to its end, to its start if `not-yet`, from its end if `expired`."""

    agreement: Agreement
    state: State
    days: int

    def as_json(self) -> dict[str, object]:
        """For `--json`: what the file says, and the state."""
        return {"state": self.state, "days": self.days, **self.agreement.model_dump(mode="json")}

    def line(self, language: Language) -> str:
        """`anhui-shanghai-population  anhui -> shanghai  population: verify  in force, 1862 days left`"""
        agreement = self.agreement
        way = f"{agreement.provider.province} -> {agreement.consumer.province}"
        what = f"{agreement.dataset}: {', '.join(agreement.operations)}"
        return f"{agreement.name}  {way}  {what}  {getattr(self.words, language)}"

    @property
    def words(self) -> Words:
        state, days = STATES[self.state], self.days
        rest: Mapping[State, Words] = {
            "in-force": Words(f"，剩 {days} 天", f", {days} days left"),
            "not-yet": Words(f"，{days} 天后开始", f", begins in {days} days"),
            "expired": Words(f"，{days} 天前", f", {days} days ago"),
        }
        return Words(state.zh + rest[self.state].zh, state.en + rest[self.state].en)


def agreements(world: World, now: datetime) -> list[AgreementState]:
    """Every agreement, in force or not, in the order of their files."""
    return [AgreementState(agreement, *_state(agreement, now)) for agreement in world.agreements]


def _state(agreement: Agreement, now: datetime) -> tuple[State, int]:
    since, until = agreement.valid.since, agreement.valid.until
    if now < since:
        return "not-yet", (since - now).days
    return ("in-force", (until - now).days) if now < until else ("expired", (now - until).days)


@dataclass(frozen=True)
class Call:
    """One operation of the agreement; `answer` holds what the agreement lets through of what the operation returns."""

    name: str
    title: Text
    method: str
    url: str
    request: tuple[str, ...]
    answer: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Everything that one agreement opens in one environment. `in_force` is false if the plan opens nothing for it."""

    environment: str
    agreement: Agreement
    dataset: Dataset
    in_force: bool
    calls: tuple[Call, ...]
    #: From the consumer's workload to the provider's, each hop with the identity that the next one verifies.
    consumer: str
    egress: str
    ingress: str
    host: str
    sni: str
    address: str
    #: Objects by the province that they are in.
    objects: Mapping[str, tuple[str, ...]]

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "environment": self.environment,
            "agreement": self.agreement.model_dump(mode="json"),
            "in_force": self.in_force,
            "calls": [{**call.__dict__, "title": call.title.model_dump()} for call in self.calls],
            "path": {
                "consumer": self.consumer,
                "egress": self.egress,
                "ingress": self.ingress,
                "host": self.host,
                "sni": self.sni,
                "address": self.address,
            },
            "objects": {province: list(objects) for province, objects in self.objects.items()},
        }

    def text(self, language: Language) -> str:
        """Some twenty lines for a person, in one language."""
        say = _Say(language)
        lines = [self._heading(say), *self._parties(say), *self._calls(say), *self._way(say), *self._objects(say)]
        return "\n".join(lines)

    def _heading(self, say: _Say) -> str:
        state = (
            say("生效中", "in force") if self.in_force else say("未生效，不开放任何访问", "not in force, opens nothing")
        )
        return f"{self.agreement.name} — {say.text(self.agreement.title)} ({self.environment}: {state})"

    def _parties(self, say: _Say) -> list[str]:
        agreement = self.agreement
        valid = f"{agreement.valid.since.isoformat()} .. {agreement.valid.until.isoformat()}"
        return [
            f"  {say('提供方', 'provider')}: {agreement.provider.province} / {agreement.provider.organ}",
            f"  {say('消费方', 'consumer')}: {agreement.consumer.province} / {agreement.consumer.organ}",
            f"  {say('有效期', 'valid')}: {valid}",
            *([f"  {say('目的', 'purpose')}: {say.text(agreement.purpose)}"] if agreement.purpose else []),
            *([f"  {say('依据', 'legal basis')}: {say.text(agreement.legal_basis)}"] if agreement.legal_basis else []),
        ]

    def _calls(self, say: _Say) -> list[str]:
        lines = [f"  {say('可以调用', 'may call')} {self.agreement.dataset} ({say.text(self.dataset.title)}):"]
        for call in self.calls:
            fields = f"{', '.join(call.request)} -> {', '.join(call.answer)}"
            lines.append(f"    {call.method} {call.url}  {say.text(call.title)}: {fields}")
        return lines

    def _way(self, say: _Say) -> list[str]:
        return [
            f"  {say('路径', 'way')}:",
            f"    {self.consumer}  {say('工作负载，访问', 'workload, calls')} {self.host}",
            f"    {self.egress}  {say('出口网关，SNI', 'egress gateway, SNI')} {self.sni} -> {self.address}",
            f"    {self.ingress}  {say('入口网关，只认上述身份', 'ingress gateway, admits that identity alone')}",
        ]

    def _objects(self, say: _Say) -> list[str]:
        lines = [f"  {say('打开它的对象', 'objects that open it')}:"]
        return lines + [f"    {province}: {name}" for province, found in self.objects.items() for name in found]


class _Say:
    """Chooses the language once."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def __call__(self, zh: str, en: str) -> str:
        return zh if self._language == "zh" else en

    def text(self, text: Text) -> str:
        return self(text.zh, text.en)


def explain(plan: Plan, agreement_name: str) -> Explanation:
    """What the agreement opens in the plan's environment, or would open if it were in force.

    Raises BadInputError E131, with the nearest name, for an agreement that is not there.
    """
    agreement = _find(plan.world, agreement_name)
    dataset = {d.name: d for d in plan.world.datasets}[agreement.dataset]
    provider, consumer = plan.province(agreement.provider.province), plan.province(agreement.consumer.province)
    domain, port = plan.world.region.domain, plan.world.region.ports.exchange

    def principal(trust: str, namespace: str, account: str) -> str:
        return f"spiffe://{names.spiffe(trust, namespace, account)}"

    chosen = [operation for operation in dataset.operations if operation.name in agreement.operations]
    return Explanation(
        environment=plan.environment.name,
        agreement=agreement,
        dataset=dataset,
        in_force=any(flow.agreement.name == agreement.name for flow in provider.provides),
        calls=tuple(_call(operation, agreement, provider.exchange) for operation in chosen),
        consumer=principal(consumer.trust_domain, names.CONSUMER_NAMESPACE, names.CONSUMER_ACCOUNT),
        egress=principal(consumer.trust_domain, names.EXCHANGE_NAMESPACE, names.EGRESS_ACCOUNT),
        ingress=principal(provider.trust_domain, names.EXCHANGE_NAMESPACE, names.INGRESS_ACCOUNT),
        host=provider.exchange,
        sni=names.exchange_sni(consumer.name, provider.name, domain),
        address=f"{provider.head.address}:{port}",
        objects=_objects(agreement),
    )


def _call(operation: Operation, agreement: Agreement, host: str) -> Call:
    return Call(
        operation.name,
        operation.title,
        operation.method,
        f"http://{host}{operation.path}",
        operation.request,
        tuple(name for name in operation.answer if name in agreement.fields),
    )


def _objects(agreement: Agreement) -> Mapping[str, tuple[str, ...]]:
    """Kubernetes objects by their derived names; the policy is the agreement's own, the Secrets are the pair's."""
    provider, consumer, space = agreement.provider.province, agreement.consumer.province, names.EXCHANGE_NAMESPACE
    return {
        provider: (
            f"AuthorizationPolicy {space}/{names.policy(agreement.name)}",
            f"Secret {space}/{names.partner_secret(consumer)}",
        ),
        consumer: (f"Secret {space}/{names.exchange_client_secret(provider)}",),
    }


def _find(world: World, name: str) -> Agreement:
    known = {agreement.name: agreement for agreement in world.agreements}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    listed = ", ".join(known) or "-"
    raise BadInputError(
        "E131",
        f"没有名为 {name} 的协议；已有：{listed}",
        f"no agreement `{name}`; there is: {listed}",
        f"是不是 {near[0]}？" if near else "用 yrd agreement list 查看",
        f"did you mean `{near[0]}`?" if near else "see `yrd agreement list`",
    )

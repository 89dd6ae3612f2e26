"""A province's root: everything of the mesh, of gateways and of servers stands below it (docs/adr/0010-rotation.md).

make    a new root and its intermediates beside the old ones; nothing is signed with them
trust   both roots in every place that trusts the province, and nobody else's
switch  the new ones sign
leaves  every certificate anew, and every proxy, gateway and server seen to use it
retire  the old root leaves OpenBao, its keys are destroyed, and it leaves every bundle
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from clients import network, openbao
from clients.load import once
from clients.prober import Request
from model import pki
from model.derive import Plan, ProvincePlan
from model.secrets import SecretsSpec
from stacks import custody, secrets_issue
from stacks.rotation import exchange, issuers, spread
from stacks.rotation.base import Old, Step
from stacks.rotation.spread import Province

Change = Callable[[openbao.OpenBao, SecretsSpec, str], None]


class Mesh:
    """The root of one province."""

    name = "mesh"

    def __init__(self, plan: Plan, site: ProvincePlan) -> None:
        self.own = Province(plan, site)
        self.way = exchange.path(plan, site)

    def standing(self) -> AbstractContextManager[str]:
        return self.way.standing(self.own.plan)

    def remember(self) -> dict[str, str]:
        """The old root, and the egress gateway's identity below it, which partners believed until today."""
        client = self.own.bao()
        pair = secrets_issue.pair(client, self.own.spec, pki.SERVER, "exchange-egress")
        return {"root": client.public(pki.ROOT), "certificate": pair.certificate, "key": pair.key}

    def steps(self, old: Old) -> tuple[Step, ...]:
        return (
            Step("make", lambda: self._change(issuers.make, old)),
            Step("trust", self._trust),
            Step("switch", lambda: self._change(issuers.switch, old)),
            Step("leaves", self._leaves),
            Step("retire", lambda: self._retire(old)),
        )

    def request(self) -> Request:
        return exchange.request(self.own.plan, self.way)

    def _change(self, change: Change, old: Old) -> None:
        change(self.own.bao(), self.own.spec, old["root"])

    def _trust(self) -> None:
        spread.deliver(self.own)
        spread.settled(self.own, "both roots")

    def _leaves(self) -> None:
        spread.deliver(self.own)
        spread.settled(self.own, "certificates of the new root")
        spread.reread(self.own)

    def _retire(self, old: Old) -> None:
        self._change(issuers.retire, old)
        spread.publish(self.own)
        custody.spare(self.own.plan, self.own.site, self.own.bao)
        spread.deliver(self.own)
        spread.settled(self.own, "the new root alone")

    def refused(self, old: Old) -> bool:
        """No partner's gateway lets in who shows the old root's certificate; each of them lets in who shows the new one's."""
        pair = secrets_issue.pair(self.own.bao(), self.own.spec, pki.SERVER, "exchange-egress")
        shown = (pair.certificate, pair.key), (old["certificate"], old["key"])
        plan, site = self.own.plan, self.own.site
        with network.guest(plan, site) as namespace:
            lets_in = [[self._knock(namespace, partner, *both) for both in shown] for partner in site.partners]
        return all(answers == [True, False] for answers in lets_in)

    def _knock(self, namespace: str, partner: str, certificate: str, key: str) -> bool:
        plan, site = self.own.plan, self.own.site
        return not once(exchange.knock(plan, site, plan.province(partner), certificate, key), namespace)

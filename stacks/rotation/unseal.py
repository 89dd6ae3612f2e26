"""The shares that open a province's store: new ones for officers and neighbours, and the old ones are worth nothing.

    shares   new shares are made with the officers' old ones, written down, and let count
    deposit  each neighbour's are encrypted to its custody key, published, and handed over where this host may

A neighbour that this host may not enter takes its share with its own next `yrd up`; officers open the store until then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from clients.prober import Request
from model import custody as model
from model import pki
from model.derive import OPENBAO_PORT, Plan, ProvincePlan
from stacks import custody, rekey
from stacks.providers.secrets import ca_file, custody_file
from stacks.rotation.base import Old, Step
from stacks.rotation.spread import Province


class Unseal:
    """Shares of one province's store."""

    name = "unseal"

    def __init__(self, plan: Plan, site: ProvincePlan) -> None:
        self.own, self.file = Province(plan, site), custody_file(plan, site)

    def standing(self) -> AbstractContextManager[str]:
        return nullcontext("")

    def remember(self) -> dict[str, str]:
        """The officers' old shares, to be shown refused. Raises YrdError (E316) when they were taken away."""
        return {"officers": " ".join(rekey.shares_of(self.file))}

    def steps(self, old: Old) -> tuple[Step, ...]:
        return (Step("shares", lambda: self._renew(old)), Step("deposit", self._deposit))

    def _renew(self, old: Old) -> None:
        keepers = [k.name for k in model.keepers(self.own.plan, self.own.site)]
        rekey.renew(self.own.bao(), self.own.spec, self.file, keepers, old["officers"].split())

    def _deposit(self) -> None:
        custody.deposit(self.own.plan, self.own.site, self.file)
        for neighbour in self.own.neighbours():
            custody.keep(self.own.plan, neighbour.site)

    def request(self) -> Request:
        """Something that the store has to decrypt before it can answer."""
        site, path = self.own.site, f"/v1/{pki.ROOT}/ca/pem"
        trusted = ca_file(self.own.plan, site).read_text()
        host = str(site.head.address)
        return Request(host, OPENBAO_PORT, host, trusted, path=path, contains="BEGIN CERTIFICATE")

    def refused(self, old: Old) -> bool:
        """Old shares make no new ones any more, and the new ones do."""
        client, spec = self.own.bao(), self.own.spec
        current = rekey.shares_of(self.file)
        return rekey.accepted(client, spec, current) and not rekey.accepted(client, spec, old["officers"].split())

"""The matrix on a real environment: real people log in with their second factor and ask every back end for everything.

Only where the people are made up (`identity.samples`): nobody else's second factor can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from clients import attempts, cluster, oidc, openbao, state
from clients.attempts import Answer, Door
from clients.visitor import Person
from model import identity, matrix, names, pki
from model.derive import Plan, ProvincePlan
from model.errors import BadInputError, YrdError
from model.matrix import Backend, Cell, Subject, Way
from stacks.providers.secrets import ca_file, deployer_file
from toolchain import install

#: Somewhere on loopback; nobody listens there, since the visitor's own answer is taken.
_BACK = "http://127.0.0.1/callback"


@dataclass(frozen=True)
class Observed:
    """One cell and what really happened; `fault` when the back end gave no answer."""

    cell: Cell
    allowed: bool | None
    why: str

    @property
    def right(self) -> bool:
        return self.allowed == self.cell.allowed


@dataclass
class Visitors:
    """The people of an environment, each with one browser; tokens by subject."""

    plan: Plan
    people: dict[str, Person] = field(default_factory=dict)
    tokens: dict[tuple[Subject, str], str] = field(default_factory=dict)

    def token(self, subject: Subject, audience: str) -> str:
        """An access token for one audience, by a real login. Raises YrdError when the person does not get in."""
        if subject.way is Way.NOBODY:
            return ""
        abroad = subject.way is Way.BROKER
        if abroad and audience == identity.ADMINISTRATION:
            # The broker has no such scope: what it gives for another purpose is all that there is to try.
            audience = identity.KUBERNETES
        if (subject, audience) not in self.tokens:
            realm, got = self.login(subject)
            for name in (identity.KUBERNETES, identity.OPENBAO, *([] if abroad else [identity.ADMINISTRATION])):
                # One token per audience, as `yrd login` does it: no back end gets one that another would take.
                got = realm.refresh(got.refresh, ("openid", name))
                self.tokens[subject, name] = got.access
        return self.tokens[subject, audience]

    def login(self, subject: Subject) -> tuple[oidc.Client, oidc.Tokens]:
        """At home for the own realm's token, at home and on to the broker for the region's."""
        abroad = subject.way is Way.BROKER
        realm = identity.realm(self.plan, identity.BROKER if abroad else subject.home)
        trust = str(state.root_certificate(self.plan.environment.name, realm.site.name))
        client = oidc.Client(realm.issuer, identity.CLI, trust)
        level = identity.LEVELS[2 if subject.role in identity.POWERS else 1]
        hints = {"acr_values": level} | ({"kc_idp_hint": subject.home} if abroad else {})
        scopes = ("openid", identity.KUBERNETES, identity.OPENBAO, *([] if abroad else [identity.ADMINISTRATION]))
        begun = client.begin(scopes, _BACK, hints)
        back = urlsplit(self.person(subject).visit(begun.address, trust))
        return client, client.finish(begun, f"{back.path}?{back.query}")

    def person(self, subject: Subject) -> Person:
        """Who holds the role in that province, with what only a made-up person's keeper knows."""
        world = self.plan.world
        holders = [a.name for a in world.administrators if (a.province, a.power) == (subject.home, subject.role)]
        holders += [p.name for p in world.people if (p.province, p.role) == (subject.home, subject.role)]
        if not holders:
            raise BadInputError(
                "E371",
                f"{subject.home} 没有 {subject.role}",
                f"nobody in {subject.home} is {subject.role}",
                "在 region/identity 中补充",
                "add one to region/identity",
            )
        name = holders[0]
        if name not in self.people:
            held = _vault(self.plan, self.plan.province(subject.home), name)
            self.people[name] = Person(name, held["password"], held.get("totp", ""))
        return self.people[name]


def _vault(plan: Plan, province: ProvincePlan, name: str) -> dict[str, str]:
    """Password and seed from the province's own store."""
    client = openbao.connect(province.openbao_url, ca_file(plan, province), openbao.load(deployer_file(plan, province)))
    held = client.read(f"kv/data/person-{name}")
    if held is None:
        raise BadInputError(
            "E374",
            f"{province.name} 的密钥库中没有 {name} 的口令",
            f"{province.name}'s store holds no password of {name}",
            "先运行 yrd up",
            "run `yrd up` first",
        )
    return dict(held["data"])


@dataclass
class Asker:
    """Asks the back ends of every province as every subject."""

    plan: Plan
    visitors: Visitors
    stores: dict[tuple[Subject, str], attempts.Store] = field(default_factory=dict)
    doors: dict[tuple[str, Backend], Door] = field(default_factory=dict)
    pods: dict[str, list[str]] = field(default_factory=dict)

    def ask(self, cell: Cell) -> Answer:
        province = self.plan.province(cell.target)
        if cell.operation.backend is Backend.OPENBAO:
            return self._store(cell.subject, province).ask(cell.operation)
        if cell.operation.area == "portal":
            return self._portal(cell)
        if cell.operation.backend is Backend.GATEWAY:
            return self._gateway(cell)
        scope = identity.ADMINISTRATION if cell.operation.backend is Backend.KEYCLOAK else identity.KUBERNETES
        token = self.visitors.token(cell.subject, scope)
        return attempts.bearer(self.door(province, cell.operation.backend), cell.operation, token)

    def _portal(self, cell: Cell) -> Answer:
        """With the person's browser, through the login at the broker and back."""
        url = cell.operation.ask.partition(" ")[2]
        trust = str(state.root_certificate(self.plan.environment.name, self.plan.hub.name))
        if cell.subject.way is Way.NOBODY:
            return attempts.page(Door(url, trust))
        answer = self.visitors.person(cell.subject).enter(url, trust, cell.subject.home)
        return Answer(answer.ok, f"HTTP {answer.status_code}")

    def _gateway(self, cell: Cell) -> Answer:
        """From the consumer's pod: with the person's token, or with the one that the pod gets by itself."""
        consumer = self.plan.province(cell.operation.body["consumer"])
        own = cell.subject.role == identity.EXCHANGE
        token = None if own else self.visitors.token(cell.subject, identity.KUBERNETES)
        if consumer.name not in self.pods:
            config = str(cluster.kubeconfig(self.plan, consumer))
            where = ["-n", names.CONSUMER_NAMESPACE, "exec", "-i", f"deploy/{names.CONSUMER_ACCOUNT}", "-c", "consumer"]
            self.pods[consumer.name] = [str(install.tool("kubectl")), "--kubeconfig", config, *where, "--"]
        return attempts.gateway(self.pods[consumer.name], cell.operation, token)

    def door(self, province: ProvincePlan, backend: Backend) -> Door:
        found = self.doors.get((province.name, backend)) or self._door(province, backend)
        return self.doors.setdefault((province.name, backend), found)

    def _door(self, province: ProvincePlan, backend: Backend) -> Door:
        env = self.plan.environment.name
        if backend is Backend.KEYCLOAK:
            realm = identity.realm(self.plan, province.name)
            address = urlsplit(realm.issuer)
            trust = state.root_certificate(env, realm.site.name)
            return Door(f"{address.scheme}://{address.netloc}", str(trust))
        root = state.root_certificate(env, province.name)
        if backend is Backend.OPENBAO:
            return Door(province.openbao_url, str(root))
        return Door(province.api_url, str(_kubernetes_root(self.plan, province)))

    def close(self) -> None:
        for store in self.stores.values():
            store.close()

    def _store(self, subject: Subject, province: ProvincePlan) -> attempts.Store:
        if (subject, province.name) not in self.stores:
            token = self.visitors.token(subject, identity.OPENBAO)
            power = subject.role if subject.role in identity.POWERS else identity.SYSTEM
            self.stores[subject, province.name] = attempts.Store(self.door(province, Backend.OPENBAO), power, token)
        return self.stores[subject, province.name]


def _kubernetes_root(plan: Plan, province: ProvincePlan) -> Path:
    """The cluster's own authority, as its store shows it to everybody."""
    path = state.private(state.environment(plan.environment.name) / "logins") / f"{province.name}.kubernetes.pem"
    root = state.root_certificate(plan.environment.name, province.name)
    state.write_atomic(path, openbao.OpenBao(province.openbao_url, root).public(pki.KUBERNETES))
    return path


def attempt(plan: Plan, provinces: tuple[str, ...]) -> Iterator[Observed]:
    """Every cell of the chosen provinces. Raises BadInputError E372 where people are real."""
    if not plan.environment.identity.samples:
        raise BadInputError(
            "E372",
            f"环境 {plan.environment.name} 中是真实人员，不能代替其登录",
            f"people of {plan.environment.name} are real: nobody logs in for them",
            "在 samples 环境（如 local、test）中运行",
            "run it where there are samples (local, test)",
        )
    asker = Asker(plan, Visitors(plan))
    try:
        for cell in matrix.matrix(plan, provinces):
            yield _seen(asker, cell)
    finally:
        asker.close()


def _seen(asker: Asker, cell: Cell) -> Observed:
    try:
        answer = asker.ask(cell)
    except YrdError as fault:
        return Observed(cell, None, f"{fault.code} {fault.en}")
    return Observed(cell, answer.allowed, answer.why)

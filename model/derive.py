"""World and environment in, Plan out: every address, name and flow that other rooms use. Pure.

Shape of the result: `Plan` holds one `Site` per province and one for the hub. Lookup is by attribute, so that a
province is described in one place and read from everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from model import names
from model.people import Administrator, Person
from model.types import Agreement, Dataset, Environment, Machine, Operation, Province, Service, SshHost, Text, World

#: Where every site's OpenBao answers.
OPENBAO_PORT = 8200


@dataclass(frozen=True)
class MachinePlan:
    """One machine: `name` is unique in the region, `full` on the host."""

    name: str
    full: str
    role: str
    address: IPv4Address
    ssh: SshHost | None


@dataclass(frozen=True)
class Flow:
    """One agreement that is in force, with what both gateways need to know."""

    agreement: Agreement
    dataset: Dataset
    operations: tuple[Operation, ...]
    provider: str
    consumer: str
    sni: str
    host: str


@dataclass(frozen=True)
class Site:
    """The hub, or one province's machines and OpenBao."""

    name: str
    title: Text
    trust_domain: str
    segment: IPv4Network
    router: IPv4Address
    machines: tuple[MachinePlan, ...]

    @property
    def head(self) -> MachinePlan:
        """The machine that carries OpenBao and, in a province, the first control plane."""
        return self.machines[0]

    @property
    def openbao_url(self) -> str:
        return f"https://{self.head.address}:{OPENBAO_PORT}"


@dataclass(frozen=True)
class ProvincePlan(Site):
    """A province: a Site with a cluster, data and agreements."""

    code: str
    pods: IPv4Network
    services: IPv4Network
    exchange: str
    settings: dict[str, int]
    datasets: tuple[Dataset, ...]
    offers: tuple[Service, ...]
    provides: tuple[Flow, ...]
    consumes: tuple[Flow, ...]
    partners: tuple[str, ...]
    people: tuple[str, ...]
    """Names of the accounts whose first passwords the province's OpenBao keeps."""

    @property
    def api_url(self) -> str:
        return f"https://{self.head.address}:6443"

    @property
    def dns(self) -> IPv4Address:
        """Address of CoreDNS's Service: the tenth of the range, as kubeadm chooses it."""
        return self.services[10]


@dataclass(frozen=True)
class Plan:
    """Everything that one environment is going to be."""

    world: World
    environment: Environment
    hub: Site
    provinces: tuple[ProvincePlan, ...]

    @property
    def backbone(self) -> str:
        return names.backbone(self.environment.name)

    @property
    def host_address(self) -> IPv4Address:
        """Where the host itself stands on the backbone: from here machines are managed."""
        return self.environment.network[2]

    @property
    def backbone_address(self) -> IPv4Address:
        return self.environment.network[1]

    @property
    def sites(self) -> tuple[Site, ...]:
        return (self.hub, *self.provinces)

    def province(self, name: str) -> ProvincePlan:
        """Raises KeyError for a name that is not a member."""
        return {p.name: p for p in self.provinces}[name]


def derive(world: World, environment: str, now: datetime) -> Plan:
    """The plan of one environment at one instant; agreements that are not in force at `now` open nothing.

    Raises KeyError for an unknown environment.
    """
    env = {e.name: e for e in world.environments}[environment]
    flows = tuple(f for a in world.agreements if a.valid.since <= now < a.valid.until for f in [_flow(world, a)])
    hub = world.region.hub
    return Plan(
        world=world,
        environment=env,
        hub=Site(
            "hub",
            Text(zh="枢纽", en="Hub"),
            names.trust_domain("hub", world.region.domain),
            _segment(env, hub.segment),
            _segment(env, hub.segment)[1],
            (_machine(env, hub.segment, hub.machine),),
        ),
        provinces=tuple(_province(world, env, p, flows, now) for p in world.provinces),
    )


def _segment(env: Environment, number: int) -> IPv4Network:
    return list(env.network.subnets(new_prefix=24))[number]


def _machine(env: Environment, segment: int, machine: Machine) -> MachinePlan:
    address = _segment(env, segment)[machine.host]
    return MachinePlan(
        machine.name, names.machine(env.name, machine.name), machine.role, address, env.hosts.get(machine.name)
    )


def _flow(world: World, agreement: Agreement) -> Flow:
    dataset = {d.name: d for d in world.datasets}[agreement.dataset]
    provider, consumer, domain = agreement.provider.province, agreement.consumer.province, world.region.domain
    return Flow(
        agreement,
        dataset,
        tuple(o for o in dataset.operations if o.name in agreement.operations),
        provider,
        consumer,
        sni=names.exchange_sni(consumer, provider, domain),
        host=names.exchange_host(provider, domain),
    )


def _people(world: World, env: Environment, province: Province) -> tuple[str, ...]:
    everyone: tuple[Administrator | Person, ...] = world.administrators
    everyone += world.people if env.identity.samples else ()
    return tuple(p.name for p in everyone if p.province == province.name)


def _province(
    world: World, env: Environment, province: Province, flows: tuple[Flow, ...], now: datetime
) -> ProvincePlan:
    segment, domain = _segment(env, province.addresses.segment), world.region.domain
    # A difference that has ended is none: the region's floor applies again.
    basket = {b.setting: b.value for b in province.basket if now < b.until}
    return ProvincePlan(
        name=province.name,
        title=province.title,
        code=province.code,
        trust_domain=names.trust_domain(province.name, domain),
        segment=segment,
        router=segment[1],
        machines=tuple(_machine(env, province.addresses.segment, m) for m in province.machines),
        pods=province.addresses.pods,
        services=province.addresses.services,
        exchange=names.exchange_host(province.name, domain),
        settings={s.name: basket.get(s.name, s.value) for s in world.region.settings},
        datasets=tuple(d for d in world.datasets if province.name in d.providers),
        offers=tuple(s for s in world.services if s.province == province.name),
        provides=tuple(f for f in flows if f.provider == province.name),
        consumes=tuple(f for f in flows if f.consumer == province.name),
        partners=tuple(m for m in world.region.members if m != province.name),
        people=_people(world, env, province),
    )

"""What `region/` may say: one frozen class per kind of file. Nothing here is derived; see `derive.py` for that."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from model.base import (
    DOMAIN_PATTERN,
    FIELD_PATTERN,
    HOST_PATTERN,
    PATH_PATTERN,
    USER_PATTERN,
    VERSION_PATTERN,
    Instant,
    Label,
    RegionCode,
    Validity,
)
from model.base import (
    Model as Model,
)
from model.base import (
    Port as Port,
)
from model.base import (
    Text as Text,
)
from model.people import Administrator, Identity, LegalPerson, Person, RealmSettings


class Versions(Model):
    """Versions that all provinces share; a province never chooses its own."""

    kubernetes: str = Field(pattern=VERSION_PATTERN)
    kubelet: str | None = Field(default=None, pattern=VERSION_PATTERN, description="defaults to `kubernetes`")


class Ports(Model):
    """Ports that must be equal everywhere, because partners and the hub call them."""

    exchange: Port = Field(description="ingress gateway for partners, a NodePort")
    metrics: Port = Field(description="the province's exporter, scraped by the hub")
    custody: Port = Field(description="encrypted snapshots of a province's OpenBao, fetched by those who keep them")
    registry: Port
    prometheus: Port
    portal: Port
    identity: Port = Field(description="Keycloak, wherever it runs")
    public: Port = Field(description="a province's gateway for people's browsers, a NodePort")


class Machine(Model):
    """One machine; its full name is derived from the environment."""

    name: Label
    host: int = Field(ge=2, le=249, description="last octet of the address inside the segment")
    role: Literal["control-plane", "worker", "hub"] = "control-plane"


class Hub(Model):
    """What the four provinces share; belongs to none of them and holds no credential of theirs (D13)."""

    segment: int = Field(ge=1, le=254, description="number of the /24 inside the environment's network")
    machine: Machine


class Setting(Model):
    """A setting with a floor that provinces may tighten, never loosen."""

    name: Label
    title: Text
    value: int = Field(description="the region's floor")
    tighter: Literal["lower", "higher"]
    unit: str


class Region(Model):
    """`region/region.yaml`: what is the same everywhere."""

    name: Label
    title: Text
    domain: str = Field(pattern=DOMAIN_PATTERN, description="parent of the provinces' trust domains")
    members: tuple[Label, ...] = Field(min_length=1)
    versions: Versions
    ports: Ports
    hub: Hub
    settings: tuple[Setting, ...] = ()


class Addresses(Model):
    """A province's ranges. Pods and services never leave the province, so environments may share them."""

    segment: int = Field(ge=1, le=254, description="number of the /24 inside the environment's network")
    pods: IPv4Network
    services: IPv4Network


class BasketEntry(Model):
    """A declared local difference: what, why, who, until when."""

    setting: Label
    value: int
    reason: Text
    owner: Label = Field(description="an organ")
    until: Instant


class Province(Model):
    """`region/provinces/<name>.yaml`: one sovereign administration."""

    name: Label
    title: Text
    code: RegionCode
    addresses: Addresses
    machines: tuple[Machine, ...] = Field(min_length=1)
    etcd_members: int = Field(default=1, description="odd; 1 for a single machine, else 3 or 5")
    basket: tuple[BasketEntry, ...] = ()


class SshHost(Model):
    """Where a real server is reached; used with `machines: ssh`."""

    address: str = Field(pattern=HOST_PATTERN, max_length=253, description="IPv4 address or host name")
    user: str = Field(default="root", pattern=USER_PATTERN)
    host_key: str = Field(description="pinned SSH host key, `ssh-ed25519 AAAA...`")


class Seal(Model):
    """What opens an OpenBao: shares of neighbours and officers, or a device (a stanza of OpenBao's configuration)."""

    type: Literal["shamir", "pkcs11", "transit", "static", "awskms", "gcpckms", "azurekeyvault", "kmip"] = "shamir"
    options: dict[str, str] = Field(
        default_factory=dict,
        description="the stanza's options; a PIN belongs into /etc/openbao/seal.env on the machine",
    )


class Environment(Model):
    """`region/environments/<name>.yaml`: one complete copy of the region."""

    name: Label
    title: Text
    machines: Literal["podman", "ssh", "existing"]
    network: IPv4Network = Field(description="/16 that holds every segment")
    protected: bool = False
    loopback: Port = Field(description="first of the ports on 127.0.0.1 that `yrd open` uses")
    seal: Seal = Field(default_factory=Seal)
    identity: Identity = Field(default_factory=Identity)
    hosts: dict[str, SshHost] = Field(default_factory=dict, description="machine name to real server")
    secret_ref: str | None = Field(
        default=None, alias="secretRef", description="path in OpenBao of the deployer's credential"
    )


class Organ(Model):
    """`region/organs/<name>.yaml`: a government body that owns, provides or consumes."""

    name: Label
    title: Text
    province: Label
    level: Literal["province", "city", "county", "township", "village"]
    clearance: int = Field(ge=1, le=4, description="highest data level that it may receive (GB/T 43697 classes 1-4)")


class DataField(Model):
    """One field of a dataset's answers or requests."""

    name: Annotated[str, StringConstraints(pattern=FIELD_PATTERN)]
    title: Text
    level: int = Field(ge=1, le=4)
    personal: bool = False


class Operation(Model):
    """One call that a dataset offers."""

    name: Label
    title: Text
    method: Literal["GET", "POST"]
    path: Annotated[str, StringConstraints(pattern=PATH_PATTERN)]
    request: tuple[str, ...]
    answer: tuple[str, ...]


class Dataset(Model):
    """`region/datasets/<name>.yaml`: what is shared, by whom it is kept, how it is called."""

    name: Label
    title: Text
    abstract: Text
    providers: tuple[Label, ...] = Field(min_length=1, description="provinces that serve it")
    sharing: Literal["unconditional", "conditional", "none"]
    fields: tuple[DataField, ...] = Field(min_length=1)
    operations: tuple[Operation, ...] = Field(min_length=1)


class Item(Model):
    """One thing that people may apply for."""

    name: Label
    title: Text


class Service(Model):
    """`region/services/<name>.yaml`: a page of one province that people of every province use (跨省通办)."""

    name: Label
    title: Text
    province: Label = Field(description="province that offers it, in its own cluster")
    assurance: Literal["L1", "L2", "L3", "L4"] = Field(description="level of login that an application needs")
    items: tuple[Item, ...] = Field(min_length=1)


class Party(Model):
    """Who provides or consumes: an organ, and the province that it belongs to."""

    province: Label
    organ: Label


class Agreement(Model):
    """`region/agreements/<name>.yaml`: the only thing that opens a flow between two provinces (D5)."""

    name: Label
    title: Text
    provider: Party
    consumer: Party
    dataset: Label
    operations: tuple[Label, ...] = Field(min_length=1)
    fields: tuple[str, ...] = Field(min_length=1, description="answer fields that may be returned; `*` is refused")
    purpose: Text | None = None
    legal_basis: Text | None = None
    valid: Validity


class Kind(StrEnum):
    """Kinds of files under `region/`, each with its folder and class."""

    REGION = "region"
    PROVINCE = "province"
    ENVIRONMENT = "environment"
    ORGAN = "organ"
    DATASET = "dataset"
    AGREEMENT = "agreement"
    SERVICE = "service"
    REALM = "realm"
    ADMINISTRATOR = "administrator"
    PERSON = "person"
    LEGAL_PERSON = "legal-person"


KINDS: dict[Kind, type[Model]] = {
    Kind.REGION: Region,
    Kind.PROVINCE: Province,
    Kind.ENVIRONMENT: Environment,
    Kind.ORGAN: Organ,
    Kind.DATASET: Dataset,
    Kind.AGREEMENT: Agreement,
    Kind.SERVICE: Service,
    Kind.REALM: RealmSettings,
    Kind.ADMINISTRATOR: Administrator,
    Kind.PERSON: Person,
    Kind.LEGAL_PERSON: LegalPerson,
}


#: Folder of a kind under `region/`; the region itself is the file `region.yaml`.
FOLDERS: dict[Kind, str] = {
    Kind.PROVINCE: "provinces",
    Kind.ENVIRONMENT: "environments",
    Kind.ORGAN: "organs",
    Kind.DATASET: "datasets",
    Kind.AGREEMENT: "agreements",
    Kind.SERVICE: "services",
    Kind.REALM: "identity/realms",
    Kind.ADMINISTRATOR: "identity/administrators",
    Kind.PERSON: "identity/people",
    Kind.LEGAL_PERSON: "identity/legal-persons",
}


class World(Model):
    """Everything that `region/` says, validated; the one argument that every other room starts from."""

    region: Region
    provinces: tuple[Province, ...]
    environments: tuple[Environment, ...]
    organs: tuple[Organ, ...]
    datasets: tuple[Dataset, ...]
    agreements: tuple[Agreement, ...]
    services: tuple[Service, ...] = ()
    realms: tuple[RealmSettings, ...] = ()
    administrators: tuple[Administrator, ...] = ()
    people: tuple[Person, ...] = ()
    legal_persons: tuple[LegalPerson, ...] = ()

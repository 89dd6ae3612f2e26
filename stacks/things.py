"""The dynamic resources by name: one class per provider, so that states and progress read well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from stacks.providers.cluster_secrets import ClusterSecretsProvider
from stacks.providers.custody import CustodyProvider
from stacks.providers.exchange import ExchangeClientProvider, ExchangeTrustProvider, PageClientProvider
from stacks.providers.login import LoginProvider
from stacks.providers.machine import BackboneProvider, MachineProvider
from stacks.providers.realms import AccountsKeyProvider, AccountsProvider, IdentityServerProvider, RealmProvider
from stacks.providers.release import ReleaseProvider
from stacks.providers.roles import RolesProvider
from stacks.providers.secrets import SecretsProvider
from stacks.providers.shared import ImagesProvider, ImagesReadyProvider, TrustProvider

Inputs = Mapping[str, Any]


class Backbone(Resource, module="yrd", name="Backbone"):
    """The router namespace of a local environment."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(BackboneProvider(), name, _props(inputs), opts)


class Machine(Resource, module="yrd", name="Machine"):
    """One machine, local or real."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(MachineProvider(), name, _props(inputs), opts)


class Roles(Resource, module="yrd", name="Roles"):
    """Ansible roles of one machine."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(RolesProvider(), name, _props(inputs), opts)


class Secrets(Resource, module="yrd", name="Secrets"):
    """A site's OpenBao."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(SecretsProvider(), name, _props(inputs), opts)


class Custody(Resource, module="yrd", name="Custody"):
    """Shares and snapshots between neighbours."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(CustodyProvider(), name, _props(inputs), opts)


class ExchangeClient(Resource, module="yrd", name="ExchangeClient"):
    """The key by which a province asks its own realm for tokens."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(ExchangeClientProvider(), name, _props(inputs), opts)


class PageClient(Resource, module="yrd", name="PageClient"):
    """The key of a page's client at the broker, and its public half where the broker finds it."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(PageClientProvider(), name, _props(inputs), opts)


class ExchangeTrust(Resource, module="yrd", name="ExchangeTrust"):
    """Partners' realms at a province's gateway."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(ExchangeTrustProvider(), name, _props(inputs), opts)


class Login(Resource, module="yrd", name="Login"):
    """Whom a site's OpenBao believes."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(LoginProvider(), name, _props(inputs), opts)


class IdentityServer(Resource, module="yrd", name="IdentityServer"):
    """A site's Keycloak, ours alone."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(IdentityServerProvider(), name, _props(inputs), opts)


class Realm(Resource, module="yrd", name="Realm"):
    """One realm of the identity centre."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(RealmProvider(), name, _props(inputs), opts)


class AccountsKey(Resource, module="yrd", name="AccountsKey"):
    """A province's key to its own accounts."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(AccountsKeyProvider(), name, _props(inputs), opts)


class Accounts(Resource, module="yrd", name="Accounts"):
    """A province's accounts in its realm."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(AccountsProvider(), name, _props(inputs), opts)


class Trust(Resource, module="yrd", name="Trust"):
    """Public roots on a machine."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(TrustProvider(), name, _props(inputs), opts)


class Images(Resource, module="yrd", name="Images"):
    """Images in the hub's registry."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(ImagesProvider(), name, _props(inputs), opts)


class ImagesReady(Resource, module="yrd", name="ImagesReady"):
    """The registry serves what a province pulls."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(ImagesReadyProvider(), name, _props(inputs), opts)


class ClusterSecrets(Resource, module="yrd", name="ClusterSecrets"):
    """Secrets of a cluster whose values come from OpenBao."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(ClusterSecretsProvider(), name, _props(inputs), opts)


class Release(Resource, module="yrd", name="Release"):
    """A Helm release."""

    def __init__(self, name: str, inputs: Inputs, opts: ResourceOptions | None = None) -> None:
        super().__init__(ReleaseProvider(), name, _props(inputs), opts)


def _props(inputs: Inputs) -> dict[str, Any]:
    return {**inputs, "live": None, "drift": None}


__all__ = ["Backbone", "ClusterSecrets", "Images", "ImagesReady", "Machine", "Release", "Roles", "Secrets", "Trust"]

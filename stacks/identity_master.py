"""Keycloak's own realm: our deployer takes the place of the client that a new server begins with."""

from __future__ import annotations

from clients.keycloak import MASTER, Keycloak, Signer
from model.derive import Plan
from model.realms import RealmSpec, master_spec
from stacks.identity_apply import Told, establish
from stacks.identity_keys import jwks

#: As the role's script names it.
BOOTSTRAP = "yrd-bootstrap"


def spec(plan: Plan, deployer: Signer) -> RealmSpec:
    return master_spec(plan, jwks(deployer))


def take_over(bootstrap: Keycloak, deployer: Keycloak, wanted: RealmSpec, told: Told = lambda _: None) -> int:
    """Make the deployer with the first client, then take that client away with the deployer. Safe to repeat."""
    done = establish(bootstrap, wanted, told)
    return done + remove_bootstrap(deployer)


def remove_bootstrap(deployer: Keycloak) -> int:
    """1 when it was still there."""
    found = deployer.get(f"/{MASTER}/clients", clientId=BOOTSTRAP)
    for client in found:
        deployer.delete(f"/{MASTER}/clients/{client['id']}")
    return len(found)

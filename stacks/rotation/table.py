"""Every subject that can be rotated, in the order of `all`: what others stand on comes last, so that a fault stops early."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from model.derive import Plan, ProvincePlan
from stacks.rotation.base import Subject
from stacks.rotation.keycloak import Realm
from stacks.rotation.mesh import Mesh
from stacks.rotation.pki import Pki
from stacks.rotation.unseal import Unseal

SUBJECTS: Mapping[str, Callable[[Plan, ProvincePlan], Subject]] = {
    "mesh": Mesh,
    "keycloak": Realm,
    "pki": Pki,
    "unseal": Unseal,
}

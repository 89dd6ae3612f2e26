"""Every check across files; one more check is one more function in this list. Each is pure: Draft to faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from model.checks import (
    addresses,
    agreements,
    clusters,
    datasets,
    derived,
    environments,
    identity,
    names,
    ports,
    references,
    settings,
)
from model.draft import Draft
from model.faults import Fault

Check = Callable[[Draft], Iterator[Fault]]

CHECKS: tuple[Check, ...] = (
    names.members,
    names.identities,
    names.same_names,
    names.machine_names,
    names.division_codes,
    derived.lengths,
    derived.collisions,
    addresses.overlaps,
    addresses.segments,
    addresses.hosts,
    addresses.private,
    addresses.sizes,
    ports.shared,
    ports.loopback,
    clusters.versions,
    clusters.etcd,
    clusters.roles,
    references.organs,
    references.datasets,
    references.services,
    references.baskets,
    references.agreements,
    agreements.parties,
    agreements.validity,
    agreements.same_flow,
    agreements.fields,
    agreements.lawfulness,
    datasets.fields,
    datasets.operations,
    datasets.calls,
    datasets.items,
    datasets.offers,
    settings.known,
    settings.floors,
    settings.baskets,
    settings.repeated,
    environments.hosts,
    environments.addresses,
    environments.host_keys,
    environments.secret_paths,
    environments.realm_hosts,
    identity.realms,
    identity.references,
    identity.powers,
    identity.complete,
    identity.places,
    identity.documents,
    identity.secret_paths,
    identity.delegations,
)

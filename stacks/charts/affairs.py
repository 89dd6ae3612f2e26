"""Release `affairs`: a page of this province for the people of all; who they are, the region's broker says (一证通用)."""

from __future__ import annotations

from model import identity, names
from model.derive import Plan, ProvincePlan
from model.types import Service, Text
from stacks.charts.datasets import SERVICE_PORT, TARGET_PORT
from stacks.charts.namespaces import NAME_LABEL
from stacks.charts.types import CONTAINER, Images, Values, pod_security, requests

UID = 10001
SETTINGS, CLIENT = "/etc/yrd/affairs", "/etc/yrd/affairs-client"
#: Seconds for which a stronger login counts.
FRESH = 900
#: What a login asks for: a verified identity. Who has none comes in all the same, one level lower.
ORDINARY = identity.LEVELS[1]


def values(plan: Plan, province: ProvincePlan, service: Service, images: Images) -> Values:
    gateway = names.spiffe(province.trust_domain, names.PUBLIC_NAMESPACE, names.PUBLIC_ACCOUNT)
    return {
        "name": service.name,
        "nameLabel": NAME_LABEL,
        "image": images["services"].reference,
        "port": SERVICE_PORT,
        "targetPort": TARGET_PORT,
        # Put there from OpenBao: `client.pem`, and `ca.pem` with the roots of the identity centre.
        "secret": names.page_client(service.name),
        "paths": {"settings": SETTINGS, "client": CLIENT},
        "gateway": {"principal": gateway, "namespace": names.PUBLIC_NAMESPACE, "label": names.PUBLIC_ACCOUNT},
        "identity": _realms(plan, province),
        "settings": settings(plan, service),
        "resources": requests("10m", "64Mi", "160Mi"),
        "podSecurity": pod_security(UID, group_writes=True),
        "containerSecurity": CONTAINER,
    }


def settings(plan: Plan, service: Service, folder: str = CLIENT) -> Values:
    """What the page is told (services/affairs/settings.py); key and roots are in `folder`."""
    page = {p.client: p for p in identity.pages(plan)}[service.name]
    return {
        "public": page.url,
        "issuer": identity.realm(plan, identity.BROKER).issuer,
        "client": page.client,
        "ca": f"{folder}/ca.pem",
        "key": f"{folder}/client.pem",
        "province": service.province,
        "title": _text(service.title),
        "levels": list(identity.LEVELS),
        "ordinary": ORDINARY,
        "protected": service.assurance,
        "fresh": FRESH,
        "homes": [
            {"name": p.name, "title": _text(p.title), "issuer": identity.realm(plan, p.name).issuer}
            for p in plan.provinces
        ],
        "items": [{"name": i.name, "title": _text(i.title)} for i in service.items],
    }


def _text(text: Text) -> Values:
    return {"zh": text.zh, "en": text.en}


def _realms(plan: Plan, province: ProvincePlan) -> Values:
    """Where the identity centre is. The own realm's place is known to the namespace already (release `apps`)."""
    known = {str(identity.realm(plan, province.name).site.head.address)}
    entries = []
    for realm in identity.realms(plan):
        address = str(realm.site.head.address)
        if address not in known:
            known.add(address)
            host = names.realm_host(realm.name, plan.world.region.domain)
            entries.append({"name": realm.name, "host": host, "address": address})
    return {"port": plan.world.region.ports.identity, "addresses": sorted(known), "entries": entries}

"""Watch certificate requests, decide, sign through OpenBao. Configuration: /etc/yrd/signer.json."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from services.bao import BaoError, Session
from services.signer.decide import ROLES, SERVING, Names, decide, names, node_of

#: Seconds before the list is taken anew, and before a failed connection is tried again.
RELIST, PAUSE = 300, 2
#: The longest life that is asked for; the PKI role has the last word.
MAXIMUM_SECONDS = 30 * 86400


def say(**facts: Any) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)  # noqa: T201  (the journal reads it)


class Signer:
    """One API server and one OpenBao."""

    def __init__(self, settings: dict[str, Any]) -> None:
        configuration = client.Configuration()
        configuration.host = settings["api"]
        configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file = (
            settings["api_ca"],
            settings["certificate"],
            settings["key"],
        )
        api = client.ApiClient(configuration)
        self.requests, self.core = client.CertificatesV1Api(api), client.CoreV1Api(api)
        self.bao = Session(settings["openbao"], settings["ca"], Path(settings["credential"]))
        self.mount = settings["mount"]

    def run(self) -> None:
        """List and watch, for ever."""
        while True:
            try:
                for event in watch.Watch().stream(  # type: ignore[no-untyped-call]
                    self.requests.list_certificate_signing_request, timeout_seconds=RELIST
                ):
                    if event["type"] in {"ADDED", "MODIFIED"}:
                        self.handle(event["object"])
            except (ApiException, BaoError, urllib3.exceptions.HTTPError, OSError) as fault:
                say(event="retry", error=str(fault)[:300])
                time.sleep(PAUSE)

    def handle(self, item: Any) -> None:
        raw = client.ApiClient().sanitize_for_serialization(item)  # type: ignore[no-untyped-call]
        spec, status, pem = raw["spec"], raw.get("status") or {}, base64.b64decode(item.spec.request)
        if spec["signerName"] not in ROLES:
            return
        try:
            asked = names(pem)
        except ValueError as fault:
            say(event="refused", request=item.metadata.name, reason=str(fault))
            return
        decision = decide(
            spec, status, asked, self.addresses(node_of(asked)) if spec["signerName"] == SERVING else None
        )
        if decision.verb == "refuse":
            say(event="refused", request=item.metadata.name, reason=decision.reason)
        if decision.verb == "approve" and "Approved" not in {c["type"] for c in status.get("conditions") or ()}:
            item = self.approve(item)
        if decision.verb in {"sign", "approve"}:
            self.sign(item, asked, pem)

    def addresses(self, node: str) -> frozenset[str] | None:
        try:
            return frozenset(
                a.address for a in (self.core.read_node(node).status or client.V1NodeStatus()).addresses or ()
            )
        except ApiException as refused:
            if refused.status == 404:
                return None
            raise

    def approve(self, item: Any) -> Any:
        condition = client.V1CertificateSigningRequestCondition(
            type="Approved", status="True", reason="YrdKubeletServing", message="every name is the node's"
        )
        item.status.conditions = [*(item.status.conditions or ()), condition]
        return self.requests.replace_certificate_signing_request_approval(item.metadata.name, item)

    def sign(self, item: Any, asked: Names, pem: bytes) -> None:
        seconds = min(item.spec.expiration_seconds or MAXIMUM_SECONDS, MAXIMUM_SECONDS)
        answer = self.bao.ask(
            "POST",
            f"{self.mount}/sign/{ROLES[item.spec.signer_name]}",
            {"csr": pem.decode(), "common_name": asked.common_name, "ttl": f"{seconds}s"},
        )
        item.status.certificate = base64.b64encode((answer["certificate"].strip() + "\n").encode()).decode()
        self.requests.replace_certificate_signing_request_status(item.metadata.name, item)
        say(
            event="signed",
            request=item.metadata.name,
            signer=item.spec.signer_name,
            node=asked.common_name,
            serial=answer.get("serial_number"),
        )


def main() -> None:
    Signer(json.loads(Path("/etc/yrd/signer.json").read_text())).run()


if __name__ == "__main__":
    main()

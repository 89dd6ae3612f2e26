"""Releases `mesh-base`, `mesh-cni`, `mesh`, `ingress` and `egress`: values for Istio's own charts, for stock Envoy.

Stock Envoy lacks Istio's own filters: with metadata exchange, the ALPN filter or the metrics provider on it rejects its
whole configuration, and sidecars never become ready.
"""

from __future__ import annotations

import json

from model import names
from model.derive import Plan, ProvincePlan
from stacks.charts.types import Images, Values, requests

#: One port for everything between gateways; above 1024, so that no capability is needed.
GATEWAY_PORT = 8443
#: The file that Calico's installer writes and Istio's plugin is chained into.
CNI_FILE = "10-calico.conflist"

#: Where istiod's chart lies among Istio's charts.
ISTIOD_CHART = "istio-control/istio-discovery"

_SECCOMP = {"type": "RuntimeDefault"}
_PORT: Values = {"name": "https", "port": GATEWAY_PORT, "targetPort": GATEWAY_PORT, "protocol": "TCP"}
_ROOT = [{"key": "root-cert.pem", "path": "root-cert.pem"}]

#: One line per request, enough to follow a call from the consumer's pod to the provider's: no query, body or answer.
ACCESS_LOG = {
    "start_time": "%START_TIME%",
    "traceparent": "%REQ(TRACEPARENT)%",
    "method": "%REQ(:METHOD)%",
    "authority": "%REQ(:AUTHORITY)%",
    "path": "%REQ_WITHOUT_QUERY(:PATH)%",
    "response_code": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "response_flags": "%RESPONSE_FLAGS%",
    "duration": "%DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "peer": "%DOWNSTREAM_PEER_URI_SAN%",
    # Of the token that was checked here; nothing where none is.
    "purpose": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:purpose)%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
}


def base() -> Values:
    """Definitions. `Fail` from the start: istiod would change the field itself, and an upgrade would change it back."""
    return {"base": {"validationFailurePolicy": "Fail"}, "global": {"enableReaderRBAC": False}}


def cni(images: Images) -> Values:
    """Redirection is set up by a plugin on the machine, so that no workload needs a capability (CE-19)."""
    return {
        "image": images["install-cni"].reference,
        "cniConfFileName": CNI_FILE,
        "excludeNamespaces": ["kube-system", names.MESH_NAMESPACE],
        "seccompProfile": _SECCOMP,
        "useAppArmorAnnotation": False,
        "resources": requests("10m", "40Mi", "256Mi"),
        "global": {"nativeNftables": True, "logging": {"level": "default:info,cni-plugin:info"}},
    }


def istiod(province: ProvincePlan, images: Images) -> Values:
    """The control plane; it signs workloads with the intermediate that OpenBao gave it, and does not start without."""
    proxy = images["proxyv2"].reference
    return {
        "image": images["pilot"].reference,
        "autoscaleEnabled": False,
        "cni": {"enabled": True},
        "env": _environment(province.settings["mesh-leaf-hours"]),
        "resources": requests("50m", "128Mi", "512Mi"),
        "seccompProfile": _SECCOMP,
        # Istio's own mount of `cacerts` is optional: without the Secret istiod would sign with a root of its own.
        "volumes": [
            {
                "name": "ca-required",
                "secret": {"secretName": "cacerts", "items": _ROOT},
            }
        ],
        "volumeMounts": [{"name": "ca-required", "mountPath": "/etc/ca-required", "readOnly": True}],
        "base": {"validationFailurePolicy": "Fail"},
        "gateways": {"seccompProfile": _SECCOMP},
        "telemetry": {"enabled": False},
        "global": {
            "nativeNftables": True,
            # One replica: a budget would only block the machine's maintenance.
            "defaultPodDisruptionBudget": {"enabled": False},
            "proxy": {"image": proxy, "seccompProfile": _SECCOMP, "resources": requests("10m", "40Mi", "256Mi")},
            "proxy_init": {"image": proxy},
        },
        "meshConfig": _mesh_config(province),
    }


def _environment(leaf_hours: int) -> dict[str, str]:
    return {
        "PILOT_ENABLE_ALPN_FILTER": "false",
        "PILOT_ENABLE_METADATA_EXCHANGE": "false",
        # Gateway objects configure the gateways of their own namespace only, and istiod deploys none by itself.
        "PILOT_SCOPE_GATEWAY_TO_NAMESPACE": "true",
        "PILOT_ENABLE_GATEWAY_API": "false",
        "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
        # A root is rotated with both trusted for a while, and proxies are told at once: no restart, no wait for a leaf to age.
        "AUTO_RELOAD_PLUGIN_CERTS": "true",
        "ISTIO_MULTIROOT_MESH": "true",
        "DEFAULT_WORKLOAD_CERT_TTL": f"{leaf_hours}h",
        "MAX_WORKLOAD_CERT_TTL": f"{leaf_hours}h",
    }


def _mesh_config(province: ProvincePlan) -> Values:
    return {
        "trustDomain": province.trust_domain,
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "accessLogFormat": json.dumps(ACCESS_LOG),
        "defaultProviders": {"metrics": []},
        "meshMTLS": {"minProtocolVersion": "TLSV1_3"},
        # A path is compared as the application will read it: no `//`, no `%2F`.
        "pathNormalization": {"normalization": "DECODE_AND_MERGE_SLASHES"},
        "defaultConfig": {
            "proxyMetadata": {
                "ISTIO_META_DNS_CAPTURE": "true",
                "PROXY_CONFIG_XDS_AGENT": "true",
                # Proxies ask for a day unless told otherwise, and istiod refuses what is above its own limit.
                "SECRET_TTL": f"{province.settings['mesh-leaf-hours']}h",
            }
        },
    }


def ingress(plan: Plan, province: ProvincePlan) -> Values:
    """The gateway that partners call. On several machines one runs on each, so that a partner may call any of them."""
    kind = "DaemonSet" if len(province.machines) > 1 else "Deployment"
    return {"kind": kind, **_gateway(names.INGRESS_ACCOUNT, _node_port(plan.world.region.ports.exchange))}


def _node_port(port: int) -> Values:
    # `Local` keeps the caller's address, which the network policy compares with the partners' ranges.
    return {"type": "NodePort", "externalTrafficPolicy": "Local", "ports": [_PORT | {"nodePort": port}]}


def public(plan: Plan, province: ProvincePlan) -> Values:
    """The gateway that people call; as the ingress, on every machine where there are several."""
    return {**ingress(plan, province), **_gateway(names.PUBLIC_ACCOUNT, _node_port(plan.world.region.ports.public))}


def egress() -> Values:
    """The only way out of the province for a request."""
    return _gateway(names.EGRESS_ACCOUNT, {"type": "ClusterIP", "ports": [_PORT]})


def _gateway(account: str, service: Values) -> Values:
    return {
        "labels": {"istio": account, "app": account},
        # Accounts and their rights come with the exchange, narrower than this chart makes them.
        "serviceAccount": {"create": False, "name": account},
        "rbac": {"enabled": False},
        "service": service,
        "autoscaling": {"enabled": False},
        "resources": requests("10m", "40Mi", "256Mi"),
        "securityContext": {
            "seccompProfile": _SECCOMP,
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        },
    }

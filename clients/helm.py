"""Helm as a command: render without a cluster, install or upgrade with one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from clients import shell

Object = dict[str, Any]


def template(
    helm: Path, chart: Path, name: str, namespace: str, values: dict[str, Any], kubernetes: str, cache: Path
) -> list[Object]:
    """Objects that a release would have, in order. Rendering needs no cluster; equal charts and values are rendered once."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    kept = cache / f"{_key(chart, name, namespace, text, kubernetes)}.json"
    if not kept.exists():
        done = shell.run(
            [
                str(helm),
                "template",
                name,
                str(chart),
                "--namespace",
                namespace,
                "--values",
                "-",
                "--kube-version",
                kubernetes,
                "--include-crds",
            ],
            stdin=text,
            timeout=120,
            env=environment(cache),
        )
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(list(_documents(done.stdout, namespace))))
        part.replace(kept)
    return list(json.loads(kept.read_text()))


def _documents(text: str, namespace: str) -> Iterator[Object]:
    for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if document and "helm.sh/hook" not in (document["metadata"].get("annotations") or {}):
            document["metadata"].setdefault("namespace", "" if document["kind"] in _CLUSTER_WIDE else namespace)
            yield document


#: Kinds without a namespace among what our releases hold.
_CLUSTER_WIDE = frozenset(
    {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "IPPool",
        "FelixConfiguration",
        "GatewayClass",
        "RuntimeClass",
        "ClusterInformation",
    }
)


def _key(chart: Path, *parts: str) -> str:
    total = hashlib.sha256("\0".join(parts).encode())
    for path in sorted(p for p in chart.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(chart)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:32]


def environment(cache: Path) -> dict[str, str]:
    """Helm's own folders inside our cache, so that a user's repositories and plugins play no part."""
    return {
        "HELM_CACHE_HOME": str(cache / "helm"),
        "HELM_CONFIG_HOME": str(cache / "helm"),
        "HELM_DATA_HOME": str(cache / "helm"),
    }


def upgrade(
    helm: Path,
    kubeconfig: Path,
    chart: Path,
    name: str,
    namespace: str,
    values: dict[str, Any],
    *,
    wait: bool,
    cache: Path,
    seconds: int = 300,
) -> None:
    """Install or upgrade by server-side apply; fields that somebody took over are taken back. Raises CommandError."""
    flags = ["--wait"] if wait else []
    shell.run(
        [
            str(helm),
            "upgrade",
            "--install",
            name,
            str(chart),
            "--namespace",
            namespace,
            "--values",
            "-",
            "--kubeconfig",
            str(kubeconfig),
            "--server-side=true",
            "--force-conflicts",
            "--history-max",
            "2",
            "--timeout",
            f"{seconds}s",
            *flags,
        ],
        stdin=json.dumps(values),
        timeout=seconds + 30,
        env=environment(cache),
    )


def uninstall(helm: Path, kubeconfig: Path, name: str, namespace: str, cache: Path) -> None:
    shell.run(
        [str(helm), "uninstall", name, "--namespace", namespace, "--kubeconfig", str(kubeconfig), "--ignore-not-found"],
        env=environment(cache),
    )


def kubectl_environment() -> dict[str, str]:
    """No proxy of this host stands between us and a cluster of ours."""
    return {"NO_PROXY": "*", "no_proxy": "*", "HTTPS_PROXY": "", "https_proxy": ""}

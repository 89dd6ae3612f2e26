"""Where a secret must not be, and whether one is there: look (`places/`, `known.py`), decide (`exact.py`, `patterns.py`, `allow.py`), tell.

Places where a secret has to live are left out on purpose: OpenBao's storage, etcd behind the KMS, files that only their
service can read, the operator's own folders under the state. See docs/adr/0012-scan.md.
"""

"""Signer of kubelets' certificates: the controller manager has no CA key, so this service asks OpenBao."""

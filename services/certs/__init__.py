"""Keeps the certificates of one machine: keys are made here and never leave, OpenBao signs, a timer renews."""

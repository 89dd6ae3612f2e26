"""Neighbours' help: opens their sealed stores with the share kept here, and keeps their encrypted snapshots."""

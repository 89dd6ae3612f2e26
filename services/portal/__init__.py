"""The region's page: four provinces, the flows between them, the last audit. Reads Prometheus, holds no province's credential."""

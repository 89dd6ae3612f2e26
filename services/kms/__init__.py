"""KMS v2 plugin of the API server over OpenBao's transit engine."""

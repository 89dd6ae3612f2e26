"""The region as frozen, typed data: pure interpretation of `region/`, no connection, no clock of its own."""

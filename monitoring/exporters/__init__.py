"""Programs that measure, one folder each."""

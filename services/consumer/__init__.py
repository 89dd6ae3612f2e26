"""The consumer's side of an agreement: a pod from which a call to a partner really is tried."""

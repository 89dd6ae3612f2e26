"""Population base: answers whether an id and a name belong together, and never gives a record away."""

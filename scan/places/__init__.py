"""One file per kind of place: what there is to look into, piece by piece. Nothing here judges."""

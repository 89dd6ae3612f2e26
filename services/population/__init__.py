"""Population base: answers whether an id and a name belong together, and never gives a record away."""

#: A request that carries this header takes new connections on every hop behind the ingress gateway, database included, and
#: is never repeated: what measures a rotation must not be carried by a connection from before it.
FRESH_HEADER = "x-yrd-fresh"

"""What the chart of any dataset has to look like, so that the exchange can route to it without knowing it.

A dataset `<name>` is served by the chart `charts/<name>`: a Service `<name>` in the data namespace, pods labelled
`app: <name>`, at these ports.
"""

from __future__ import annotations

SERVICE_PORT, TARGET_PORT = 80, 8080

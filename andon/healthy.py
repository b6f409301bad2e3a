"""``python -m andon.healthy``: exit code 0 if the service of this container is live; for images, which have no curl.

Imports nothing but the standard library, because it is run every few seconds beside every service.
"""

from __future__ import annotations

import http.client
import os
import sys

_TIMEOUT_S = 3.0
_OK = 200


def answer(port: int) -> str | None:
    """Return what is wrong with the service that shows its health at *port* of this machine; None if nothing is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        said = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer at port {port}: {error!r}"
    finally:
        connection.close()
    return None if response.status == _OK else f"HTTP {response.status}: {said}"


if __name__ == "__main__":
    sys.exit(answer(int(os.environ.get("ANDON_TELEMETRY__PORT", "8000"))))

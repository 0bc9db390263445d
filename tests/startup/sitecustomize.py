"""Refuse the network, loopback aside, in every Python that the tests start.

`conftest.py` puts this folder on PYTHONPATH; Python imports `sitecustomize` by itself.
An audit hook cannot be removed, and sees what every library does through `socket`.
"""

import sys

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


def refuse(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[-1]
        host = address[0] if isinstance(address, tuple) else None  # else a local socket
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host and not host.startswith(LOOPBACK):
        raise ConnectionRefusedError(f"the tests refuse the network: {host}")


sys.addaudithook(refuse)

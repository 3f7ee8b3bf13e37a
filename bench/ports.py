"""Ports on 127.0.0.1 that nobody uses at the moment. It reserves nothing."""

import socket
from collections.abc import Iterator

FIRST, LAST = 23000, 29999  # below the kernel's own (ip_local_port_range), above the well-known ones


def free_ports() -> Iterator[int]:
    """Even ports on which neither UDP nor TCP is taken, each once. Raises `OSError` when none is left."""
    for port in range(FIRST, LAST, 2):
        if _is_free(port, socket.SOCK_DGRAM) and _is_free(port, socket.SOCK_STREAM):
            yield port
    raise OSError(f"no free port on 127.0.0.1 between {FIRST} and {LAST}: end what uses them")


def _is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""Free ports of this machine, for tests that run beside each other."""

import itertools
import os
import random
import socket

# below the range from which the system takes ports for outgoing connections (32768 on Linux)
_LOW, _HIGH = 12000, 32000
_step = itertools.count()


def free_ports(count: int = 1) -> list[int]:
    """So many consecutive ports, the first one even, free on loopback for UDP and TCP at the time of asking."""
    rng = random.Random(os.getpid() * 1000 + next(_step))
    for _ in range(1000):
        first = rng.randrange(_LOW, _HIGH - count, 2)
        ports = list(range(first, first + count))
        if all(is_free(port) for port in ports):
            return ports
    raise OSError(f"no {count} consecutive free ports between {_LOW} and {_HIGH}")


def is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True

"""The HTTP API of a hotline: orders, calls, recordings, agents; and the signals of its health.

It holds no rule of its own: it checks what is asked, asks the packages, and says what went wrong in one sentence.
"""

from hotline.api.app import create_app
from hotline.api.deps import AgentsPort, Deps

__all__ = ["AgentsPort", "Deps", "create_app"]

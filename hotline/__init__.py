"""The hotline: the command, the HTTP service and the processes that put all packages together.

It is the composition root: it may import every other package, and none of them imports it.
"""

__version__ = "0.1.0"

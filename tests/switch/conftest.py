"""Every test here has its own hotline Asterisk and its own world outside."""

from tests.support.switch import hotline_port, start_switch, switch, switch_settings, world
from tests.support.worker import start_worker

__all__ = ["hotline_port", "start_switch", "start_worker", "switch", "switch_settings", "world"]

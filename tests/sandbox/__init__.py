"""The simulated outside world: a second Asterisk whose citizens and phones are driven from Python, with live audio.

It knows nothing of the hotline but its SIP address; it shares no code with the product's carrier, so that a mistake
there cannot hide here.
"""

from tests.sandbox.installation import Desk, Installation, NotRunning, Ports, installed
from tests.sandbox.leg import Leg, NotObserved
from tests.sandbox.phone import Answer, Behaviour, Busy, Congested, NotFound, Phone, Reject, Ring, Silent, Unavailable
from tests.sandbox.ports import free_ports
from tests.sandbox.rtp_citizen import RtpCitizen
from tests.sandbox.world import World

__all__ = [
    "Answer",
    "Behaviour",
    "Busy",
    "Congested",
    "Desk",
    "Installation",
    "Leg",
    "NotFound",
    "NotObserved",
    "NotRunning",
    "Phone",
    "Ports",
    "Reject",
    "Ring",
    "RtpCitizen",
    "Silent",
    "Unavailable",
    "World",
    "free_ports",
    "installed",
]

"""Every metric of the product, defined once: names, labels and buckets as Prometheus wants them.

The packages count here; ``/metrics`` (`hotline.api`) shows it. With ``PROMETHEUS_MULTIPROC_DIR`` set, all processes of
an installation add up. https://prometheus.io/docs/practices/naming/
"""

from prometheus_client import Counter, Gauge, Histogram

# 15, 20 and 30 s are the marks of the answer rate (GB/T 33358: an answer within 15 s)
_WAIT_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300, 600, 900)
_TALK_BUCKETS = (10, 30, 60, 120, 180, 300, 420, 600, 900, 1800, 3600)
_ANSWER_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120)
_ARCHIVE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

CALLS_ARRIVED = Counter("hotline_calls_arrived", "Calls that reached a worker")
CALLS_CLOSED = Counter("hotline_calls_closed", "Calls that ended, by outcome", ["outcome"])
CALLS_CURRENT = Gauge(
    "hotline_calls_current", "Calls under way, by stage of the call", ["stage"], multiprocess_mode="livesum"
)
WAIT_SECONDS = Histogram("hotline_wait_seconds", "From a call's arrival until somebody answered", buckets=_WAIT_BUCKETS)
TALK_SECONDS = Histogram("hotline_talk_seconds", "Length of one conversation", buckets=_TALK_BUCKETS)
TROUBLES = Counter("hotline_troubles", "Failures that a call had to live with, by part", ["part"])

FOLLOWER_LAG = Gauge(
    "hotline_follower_lag_entries",
    "Journal entries that a follower has not handled yet",
    ["follower"],
    multiprocess_mode="livemax",
)
SPOOLED_ENTRIES = Gauge(
    "hotline_spooled_entries", "Journal entries on disk that the database has not yet", multiprocess_mode="livesum"
)

ORDERS_OPENED = Counter("hotline_orders_opened", "Orders opened, by how they came", ["source"])

TRANSFERS = Counter(
    "hotline_transfers", "Targets rung for a citizen, by line, kind of transfer and result", ["line", "kind", "result"]
)
TRANSFER_ANSWER_SECONDS = Histogram(
    "hotline_transfer_answer_seconds", "From ringing a target of a transfer until it answered", buckets=_ANSWER_BUCKETS
)

EMERGENCY_ROUTE_UP = Gauge(
    "hotline_emergency_route_up",
    "Whether the trunk of an emergency number's route answers OPTIONS, by number and endpoint",
    ["number", "endpoint"],
    multiprocess_mode="livemostrecent",
)

ALARMS = Counter("hotline_alarms", "Alarms to supervisors, by kind", ["kind"])

RECORDINGS_KEPT = Counter("hotline_recordings_kept", "Recordings archived")
RECORDINGS_UNSETTLED = Gauge(
    "hotline_recordings_unsettled",
    "Recordings in the ledger that are not simply stored, by state",
    ["state"],
    multiprocess_mode="livemostrecent",
)
RECORDING_GAPS = Gauge(
    "hotline_recording_gaps",
    "Recordings with something missing, by reason",
    ["reason"],
    multiprocess_mode="livemostrecent",
)
ARCHIVE_SECONDS = Histogram(
    "hotline_archive_seconds", "Time to encode, verify and keep one recording", buckets=_ARCHIVE_BUCKETS
)
ADOPTED_CALLS = Counter("hotline_adopted_calls", "Calls served by the switch alone and taken over from their slips")

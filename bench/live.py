"""Many calls that talk at the same time: memory per call, CPU per second of talk, and taking over after kill -9.

The worker is killed while all calls talk; each call must be under control again soon, and none may be lost.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import processes
from bench.block import Block, Caller, Load, Running
from bench.subject import GREETING_S
from bench.whole import Hotline

ATTEMPT_LIMIT_S = 20.0
_REST_S = 6.0  # between two kills: a process that dies again within 5 s is started more slowly, on purpose
_POLL_S = 0.02


@dataclass
class Live:
    """What was seen of one system with ``calls`` calls at a time."""

    calls: int
    memory_per_call: dict[str, float] = field(default_factory=dict)  # bytes by role, above the idle system
    cpu_per_talk_s: dict[str, float] = field(default_factory=dict)  # CPU seconds per second of one call's talk, by role
    recoveries_s: list[float] = field(default_factory=list)  # of each call at each kill
    lost: int = 0  # calls never under control again
    block: Block | None = None


@dataclass(frozen=True)
class Plan:
    """``calls`` calls, arriving at ``rate``; ``look_s`` of looking at them, then ``kills`` of the worker."""

    calls: int
    rate: float
    look_s: float
    kills: int = 0

    @property
    def load(self) -> Load:
        lasting = self.calls / self.rate + GREETING_S + 3.0 + self.look_s + self.kills * (_REST_S + 3.0)
        return Load(self.rate, self.calls, stay_s=lasting, sipp_audio=True)


def measure(caller: Caller, plan: Plan, say: Callable[[str], None] = print) -> Live:
    """Let the calls come, look at the system while all talk, kill the worker as often as planned, let them end."""
    live = Live(plan.calls)
    subject = caller.subject
    idle = processes.usage(subject.roles())
    say(f"{plan.calls} calls at a time on the {subject.name}")
    running = caller.start(plan.load)
    try:
        _until_all_talk(running, plan.calls)
        _look(live, caller, idle, plan.look_s)
        if isinstance(subject, Hotline):
            for number in range(1, plan.kills + 1):
                say(f"worker killed ({number} of {plan.kills}): {_kill(live, subject)}")
                time.sleep(_REST_S)
        live.block = running.finish()
    finally:
        running.stop()
    return live


def _until_all_talk(running: Running, calls: int) -> None:
    deadline = time.monotonic() + running.load.calls / running.load.rate + GREETING_S + 10.0
    while running.reached() < calls and time.monotonic() < deadline and running.sipp.poll() is None:
        time.sleep(0.2)
    time.sleep(1.0)


def _look(live: Live, caller: Caller, idle: dict[str, processes.Usage], seconds: float) -> None:
    """Memory now, and CPU over so many seconds."""
    before, begun = processes.usage(caller.subject.roles()), time.monotonic()
    time.sleep(seconds)
    after, lasted = processes.usage(caller.subject.roles()), time.monotonic() - begun
    nothing = processes.Usage(0.0)
    for role, used in after.items():
        live.memory_per_call[role] = (used.memory - idle.get(role, nothing).memory) / live.calls
        live.cpu_per_talk_s[role] = (used.cpu_s - before.get(role, nothing).cpu_s) / lasted / live.calls


def _kill(live: Live, hotline: Hotline) -> str:
    """Kill the worker and wait until every open call has a `ControlResumed` in the journal.

    The event is written when the new worker has the call's state from the journal, knows from the switch what exists
    of it, and hands it to the call's flow: from then on the call reacts. What counts is when the event can be read in
    the database, looked for every 20 ms, from the kill.
    """
    live_calls = hotline.open_calls()
    killed = hotline.kill_worker()
    resumed: dict[str, float] = {}
    while not live_calls <= resumed.keys() and time.time() < killed + ATTEMPT_LIMIT_S:
        time.sleep(_POLL_S)
        found, now = hotline.events("control_resumed", killed), time.time()
        resumed |= {call: now for call in found if call not in resumed}
    live.recoveries_s += [resumed[call] - killed for call in live_calls if call in resumed]
    live.lost += len(live_calls - resumed.keys())
    last = max(resumed.values(), default=killed) - killed
    return f"{len(resumed)} of {len(live_calls)} calls under control again, the last after {last:.2f} s"

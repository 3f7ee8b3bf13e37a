"""Turns what was seen of both systems into the figures of the results, each with what limits it as it was measured."""

from collections import Counter
from collections.abc import Mapping

from bench.emergency import Emergency, Handoff
from bench.live import ATTEMPT_LIMIT_S, Live
from bench.measures import Measure, measure
from bench.rate import Backlog, Search
from bench.setting import DIALPLAN, HOTLINE
from bench.stats import Spread, ratio, spread
from bench.steady import Steady

_MB = 1e6


def of_steady(seen: Mapping[str, Steady]) -> dict[str, Measure]:
    """Pick-up, first packet of the greeting, and CPU seconds per call at a steady rate."""
    whole, plain = seen[HOTLINE], seen[DIALPLAN]
    figures = _latency("pickup", whole.pickup_ms, plain.pickup_ms, _PICKUP_LIMIT)
    figures |= _latency("first_prompt", whole.prompt_ms, plain.prompt_ms, _PROMPT_LIMIT)
    cost, baseline = whole.cpu_s_per_call, plain.cpu_s_per_call
    figures["cpu_s_per_call"] = measure(
        "cpu_s_per_call",
        sum(cost.values()),
        "s",
        baseline=sum(baseline.values()),
        detail=_by_role(cost, 1000, "ms"),
        limited_by=f"{max(cost, key=lambda role: cost[role])}, which uses most of it",
    )
    blocks = whole.blocks + plain.blocks
    figures["other_load"] = measure(
        "other_load",
        sum(block.other_cpu_s for block in blocks) / sum(block.lasted_s for block in blocks),
        "cores",
        detail="busy with neither the systems nor the load generators: kernel threads, and whoever else is here",
    )
    figures["failed_calls"] = measure(
        "failed_calls", float(whole.failed), "calls", baseline=float(plain.failed), detail=_failures(whole)
    )
    return figures


def _failures(whole: Steady) -> str:
    troubles = sum((block.troubles for block in whole.blocks), Counter[str]())
    told = ", ".join(f"{count} {what}" for what, count in troubles.most_common()) or "none"
    return f"of {whole.calls} on each system; the hotline's: {told}"


_PICKUP_LIMIT = "who else wants the cores at that moment: the dialplan answers in both"
_PROMPT_LIMIT = "who else wants the cores at that moment: the switch says the first word itself, in both"


def _latency(name: str, whole: Spread, plain: Spread, limited_by: str) -> dict[str, Measure]:
    detail = f"p50 {whole.p50:.1f} ms, p99 {whole.p99:.1f} ms of {whole.count} calls; " + (
        f"dialplan p50 {plain.p50:.1f} ms, p99 {plain.p99:.1f} ms of {plain.count}"
    )
    return {
        f"{name}_p99_ratio": measure(
            f"{name}_p99_ratio", ratio(whole.p99, plain.p99), baseline=1.0, detail=detail, limited_by=limited_by
        ),
        f"{name}_p50_ratio": measure(f"{name}_p50_ratio", ratio(whole.p50, plain.p50), "× dialplan", baseline=1.0),
        f"{name}_p50_ms": measure(f"{name}_p50_ms", whole.p50, "ms", baseline=plain.p50),
        f"{name}_p99_ms": measure(f"{name}_p99_ms", whole.p99, "ms", baseline=plain.p99),
    }


def of_rates(seen: Mapping[str, Search], cores: int) -> dict[str, Measure]:
    """Highest call rates. A system that passed no step has a rate of 0, and without a baseline there is no ratio."""
    whole, plain = seen[HOTLINE], seen[DIALPLAN]
    best, baseline = whole.ramp.passed or 0.0, plain.ramp.passed or 0.0
    stops = f"the hotline stopped by: {whole.stopped_by}; the dialplan by: {plain.stopped_by}"
    figures = {"call_rate": measure("call_rate", best, "calls/s", baseline=baseline, detail=stops)}
    if baseline:
        stay = whole.blocks[0].load.stay_s
        detail = f"{best:g} against {baseline:g} calls/s, each call {stay:g} s from pick-up to hang-up; {stops}"
        figures["call_rate_ratio"] = measure(
            "call_rate_ratio", best / baseline, baseline=1.0, detail=detail, limited_by=_who_worked(whole, cores)
        )
    return figures


def of_backlog(left: Backlog, limit_s: float) -> dict[str, Measure]:
    """How far the archive was behind after the highest rates."""
    seconds = limit_s if left.seconds is None else left.seconds
    detail = f"{left.waiting} recordings waited after the last step" + (
        ", and some still do" if left.seconds is None else ""
    )
    limit = "the processors: encoding gives way to calls, at the lowest priority"
    return {"archive_lag_s": measure("archive_lag_s", seconds, "s", detail=detail, limited_by=limit)}


def _who_worked(search: Search, cores: int) -> str:
    """How the processors' time was spent at the highest rate."""
    block = search.best
    if block is None:
        return "no step passed"
    lasted = block.lasted_s + block.idle_s
    shares = {**block.cpu_s, "load generators": block.generator_cpu_s, "others and kernel": block.other_cpu_s}
    spent = ", ".join(f"{role} {100 * used / lasted:.0f} %" for role, used in _largest(shares))
    return f"the {cores} cores ({100 * cores} %), shared with the load generators: {spent}"


def of_live(seen: Mapping[str, Live]) -> dict[str, Measure]:
    """Memory and CPU of calls that talk, and taking over."""
    whole, plain = seen[HOTLINE], seen[DIALPLAN]
    memory, cpu = whole.memory_per_call, whole.cpu_per_talk_s
    figures = {
        "memory_mb_per_call": measure(
            "memory_mb_per_call",
            sum(memory.values()) / _MB,
            "MB",
            baseline=sum(plain.memory_per_call.values()) / _MB,
            detail=_by_role(memory, 1 / _MB, "MB"),
        ),
        "cpu_ms_per_talk_s": measure(
            "cpu_ms_per_talk_s",
            sum(cpu.values()) * 1000,
            "ms/s",
            baseline=sum(plain.cpu_per_talk_s.values()) * 1000,
            detail=_by_role(cpu, 1000, "ms"),
            limited_by="the room mixes every 20 ms for both legs; the dialplan's bridge of two passes packets on",
        ),
    }
    if whole.recoveries_s or whole.lost:
        taken = spread(whole.recoveries_s + [ATTEMPT_LIMIT_S] * whole.lost)  # who never came back, counts as long
        figures["recovery_p99_s"] = measure(
            "recovery_p99_s",
            taken.p99,
            detail=f"p50 {taken.p50:.2f} s, largest {taken.largest:.2f} s of {taken.count}, {whole.lost} never",
            limited_by="starting the process anew, folding the open calls and asking the switch about each",
        )
        figures["recovery_lost_calls"] = measure("recovery_lost_calls", float(_lost(whole)), "calls")
    return figures


def of_emergency(seen: Mapping[str, Emergency]) -> dict[str, Measure]:
    """From the key to the operator's phone, under load and a hundred at once; from the request to a conference."""
    whole, plain = seen[HOTLINE], seen[DIALPLAN]
    return _ringing(whole, plain) | _storm(whole.storm, plain.storm) | _merging(whole)


def _ringing(whole: Emergency, plain: Emergency) -> dict[str, Measure]:
    """Without a single operator rung on one of the systems there is nothing to tell but what went wrong."""
    troubles = f"the hotline's troubles: {_told(whole.handoffs)}; the dialplan's: {_told(plain.handoffs)}"
    figures = {
        "emergency_failed": measure(
            "emergency_failed",
            float(_failed(whole.handoffs)),
            "calls",
            baseline=float(_failed(plain.handoffs)),
            detail=f"of {len(whole.handoffs)} on each system; {troubles}; with the load's other calls on the hotline: "
            f"{_listed(whole.background)}, on the dialplan: {_listed(plain.background)}",
        )
    }
    ours, theirs = _rings_ms(whole.handoffs), _rings_ms(plain.handoffs)
    if ours and theirs:
        here, there = spread(ours), spread(theirs)
        detail = (
            f"p50 {here.p50:.1f} ms, p99 {here.p99:.1f} ms, largest {here.largest:.1f} ms of {here.count}; dialplan "
            f"p50 {there.p50:.1f} ms, p99 {there.p99:.1f} ms, largest {there.largest:.1f} ms of {there.count}; "
            f"beside {whole.load.rate:g} calls/s of {whole.load.stay_s:g} s"
        )
        figures |= {
            "emergency_ring_p50_ms": measure("emergency_ring_p50_ms", here.p50, "ms", baseline=there.p50),
            "emergency_ring_p99_ms": measure(
                "emergency_ring_p99_ms", here.p99, baseline=there.p99, detail=detail, limited_by=_RING_LIMIT
            ),
            "emergency_ring_ratio": measure(
                "emergency_ring_ratio",
                ratio(here.p99, there.p99),
                baseline=1.0,
                detail=f"of the 99th percentiles; of the medians {ratio(here.p50, there.p50):.2f}",
                limited_by=_RING_LIMIT,
            ),
        }
    return figures


_RING_LIMIT = (
    "the way through the worker: the key over ARI, its event flushed to the disk, two requests that make the leg and "
    "dial it; the dialplan does all of it in one thread of the switch"
)


def _storm(ours: list[Handoff], theirs: list[Handoff]) -> dict[str, Measure]:
    """A citizen is lost who does not come to speak with an operator."""
    figures = {
        "emergency_lost": measure(
            "emergency_lost",
            float(sum(handoff.talked is None for handoff in ours)),
            baseline=float(sum(handoff.talked is None for handoff in theirs)),
            detail=f"of {len(ours)} who pressed both keys within a second; troubles: {_told(ours)}; "
            f"the dialplan's: {_told(theirs)}",
            limited_by="nothing, when none is lost: no queue and no database is between the key and the operator",
        )
    }
    here, there = _rings_ms(ours), _rings_ms(theirs)
    if here and there:
        talks = [handoff.talk_ms for handoff in ours if handoff.talk_ms is not None]
        figures["emergency_storm_slowest_ms"] = measure(
            "emergency_storm_slowest_ms",
            max(here),
            "ms",
            baseline=max(there),
            detail=f"from the key to the operator's phone; p50 {spread(here).p50:.0f} ms; until both spoke, "
            f"the phone's ringing of 300 ms included, {max(talks, default=0.0):.0f} ms",
            limited_by="the processors: the switch makes all legs at once, and each wants several requests of a worker",
        )
    return figures


def _merging(whole: Emergency) -> dict[str, Measure]:
    done, failed = whole.merges.done, whole.merges.failed
    figures = {"merge_failed": measure("merge_failed", float(len(failed)), "conversations", detail="; ".join(failed))}
    if done:
        two_way = spread(merge.two_way_ms for merge in done)
        answered = spread((merge.accepted - merge.asked) / 1e6 for merge in done)
        citizen = spread((merge.at_citizen - merge.asked) / 1e6 for merge in done)
        expert = spread((merge.at_expert - merge.asked) / 1e6 for merge in done)
        figures |= {
            "merge_audio_p50_ms": measure("merge_audio_p50_ms", two_way.p50, "ms"),
            "merge_audio_p99_ms": measure(
                "merge_audio_p99_ms",
                two_way.p99,
                detail=f"from sending the request until both hear each other, {two_way.count} times, beside "
                f"{whole.load.rate:g} calls/s; p99 at the citizen {citizen.p99:.0f} ms, at the expert "
                f"{expert.p99:.0f} ms; the request was answered after p50 {answered.p50:.0f} ms, p99 "
                f"{answered.p99:.0f} ms",
                limited_by="the request's way: web process, audit log, Redis, worker, journal; then two requests to "
                "the switch, and its mixing every 20 ms",
            ),
        }
    return figures


def _rings_ms(handoffs: list[Handoff]) -> list[float]:
    return [handoff.ring_ms for handoff in handoffs if handoff.ring_ms is not None]


def _failed(handoffs: list[Handoff]) -> int:
    return sum(bool(handoff.trouble) for handoff in handoffs)


def _told(handoffs: list[Handoff]) -> str:
    return _listed(Counter(handoff.trouble for handoff in handoffs if handoff.trouble))


def _listed(troubles: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in troubles.most_common()) or "none"


def _lost(live: Live) -> int:
    return live.lost + (live.block.failed if live.block else live.calls)


def _by_role(amounts: Mapping[str, float], factor: float, unit: str) -> str:
    return ", ".join(f"{role} {amount * factor:.2g} {unit}" for role, amount in _largest(amounts))


def _largest(amounts: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(amounts.items(), key=lambda item: -item[1])

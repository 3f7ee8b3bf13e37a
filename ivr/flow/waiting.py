"""Waiting: the citizen stands in the queue and hears music, is told the place, and is offered to one agent after
another until one answers. Whatever fails, the place is kept; whoever cannot be served leaves a message.
"""

from ivr.call import (
    AgentOffered,
    DigitPressed,
    EmergencyAsked,
    EndCause,
    Leg,
    LegAnswered,
    LegEnded,
    Music,
    PromptEnded,
    Queued,
    QueueFailed,
    Role,
    Say,
    Sound,
    Stage,
    TimerFired,
)
from ivr.flow import danger, duty, message, onward, talking
from ivr.flow.turn import Turn


def enter(turn: Turn, *before: Sound, overflow_s: float | None = None) -> None:
    """Join the queue; `before` is said first; music follows. With further steps left the call goes on to the next
    after `overflow_s` (None: the city's usual time).
    """
    rules = turn.rules
    turn.move(Stage.WAITING)
    if before:
        turn.play(*before)
    else:
        turn.play(Music(), loop=True)
    turn.call.announce = False
    turn.call.queue_failures = 0
    turn.set_timer("announce", rules.announce_every_s)
    turn.set_timer("patience", rules.patience_s)
    if turn.call.steps:
        turn.set_timer("overflow", rules.overflow_s if overflow_s is None else overflow_s)
    turn.seek_agent()


def apply_key(turn: Turn, digit: str) -> bool:
    """Let a key choose the queue. A key without a meaning changes nothing. Returns whether anything changed."""
    action = turn.rules.keys.get(digit)
    if action is None:
        return False
    call = turn.call
    if action.skill is not None:
        call.steps = ()  # the citizen has chosen; with nobody on shift there, the general skill takes the call
    skill = action.skill or call.skill
    emergency = call.emergency or action.emergency
    priority = max(call.priority, action.priority)
    changed = (skill, emergency, priority) != (call.skill, call.emergency, call.priority)
    call.skill, call.emergency, call.priority = skill, emergency, priority
    return changed


def is_emergency(turn: Turn, digit: str) -> bool:
    """Whether the key means a danger to life."""
    action = turn.rules.keys.get(digit)
    return action is not None and action.emergency


def key(turn: Turn, event: DigitPressed) -> None:
    if is_emergency(turn, event.digit) and not turn.call.emergency:
        leave(turn)
        danger.enter(turn)
    elif apply_key(turn, event.digit) and offered(turn) is None:
        turn.seek_agent()


def emergency_asked(turn: Turn, event: EmergencyAsked) -> None:
    """A supervisor puts a waiting citizen through; an agent's phone that rings for the call stops."""
    if event.supervisor and not danger.refused(turn, event.number):
        leave(turn)
    danger.asked(turn, event)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    turn.play(Music(), loop=True)


def queued(turn: Turn, event: Queued) -> None:
    call = turn.call
    if event.skill != call.skill:  # the answer to an older question
        return
    call.queue_failures = 0
    turn.clear_timer("seek")
    if offered(turn) is not None:
        return
    if event.on_shift == 0:
        _nobody(turn)
    elif call.announce:
        call.announce = False
        turn.play(Say("queue_position", {"position": event.position}))


def queue_failed(turn: Turn, event: QueueFailed) -> None:
    """The queue is out of reach for now; the citizen goes on hearing music, but not for ever."""
    call = turn.call
    call.queue_failures += 1
    if call.queue_failures >= turn.rules.seek_tries and offered(turn) is None:
        duty.enter(turn)
    else:
        turn.set_timer("seek", turn.rules.seek_retry_s)


def agent_offered(turn: Turn, event: AgentOffered) -> None:
    if offered(turn) is not None:
        turn.release_agent(event.agent, talked=False, cause=EndCause.HANGUP)
        return
    turn.clear_timer("seek")
    turn.dial(event.leg, Role.AGENT, event.address, event.agent, event.ring_s)
    turn.set_timer("offer", event.ring_s + turn.rules.ring_grace_s)


def leg_answered(turn: Turn, event: LegAnswered) -> None:
    leg = turn.call.legs[event.leg]
    turn.answered(leg)
    turn.hold_agent(leg.party)
    talking.enter(turn)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    """The agent's phone was busy, did not answer or is gone: the next agent, please."""
    _withdraw(turn, turn.call.legs[event.leg], event.cause)
    turn.seek_agent()


def timer(turn: Turn, event: TimerFired) -> None:
    match event.timer:
        case "seek":
            turn.seek_agent()
        case "announce":
            turn.set_timer("announce", turn.rules.announce_every_s)
            if offered(turn) is None:
                turn.call.announce = True
                turn.seek_agent()
        case "offer":
            leg = offered(turn)
            if leg is not None:
                turn.hang_up(leg.id)
                _withdraw(turn, leg, EndCause.NO_ANSWER)
                turn.seek_agent()
        case "overflow":
            if offered(turn) is None:
                _overflow(turn)
            else:  # somebody's phone is ringing; that comes first
                turn.set_timer("overflow", turn.rules.ring_s)
        case "patience":
            leave(turn)
            message.enter(turn, Say("all_busy"))


def resumed(turn: Turn) -> None:
    if offered(turn) is None:
        turn.seek_agent()


def leave(turn: Turn) -> None:
    """Out of the queue; an offer under way is taken back without blame to the agent."""
    leg = offered(turn)
    if leg is not None:
        turn.hang_up(leg.id)
        _withdraw(turn, leg, EndCause.HANGUP)
    turn.stop_seeking()


def offered(turn: Turn) -> Leg | None:
    """The agent's phone that rings for this call now."""
    return next((leg for leg in turn.call.legs.values() if leg.role is Role.AGENT and not leg.up), None)


def _withdraw(turn: Turn, leg: Leg, cause: EndCause) -> None:
    turn.forget(leg.id)
    turn.clear_timer("offer")
    turn.release_agent(leg.party, talked=False, cause=cause)


def _overflow(turn: Turn) -> None:
    """The next step of the line: another queue, with the place kept, or a phone."""
    call = turn.call
    if not call.steps:
        return
    if onward.phones_first(call.steps):
        leave(turn)
        onward.go(turn)
        return
    step, call.steps = call.steps[0], call.steps[1:]
    call.skill = step.to
    if call.steps:
        turn.set_timer("overflow", turn.rules.overflow_s if step.ring_s is None else step.ring_s)
    turn.seek_agent()


def _nobody(turn: Turn) -> None:
    """Nobody on shift for this skill: the line's next step, the general agents, then the duty phones."""
    call = turn.call
    if call.steps:
        _overflow(turn)
    elif call.skill != turn.rules.general_skill:
        call.skill = turn.rules.general_skill
        turn.seek_agent()
    else:
        duty.enter(turn)

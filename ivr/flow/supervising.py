"""Supervising: a supervisor (班长) listens to a talk (监听), whispers to the agent (耳语), joins in (强插) or takes the
call over (接管).

Orthogonal to the call's stages: while an agent talks, the supervisor's leg is `Call.supervisor` and none of the call's
legs, so no stage knows of it. Only when the citizen would have nobody else, or when the call is taken over, it becomes
an ordinary leg, and the supervisor talks as an agent does.
"""

from msgspec.structs import replace

from ivr.call import (
    AnyEvent,
    ControlResumed,
    Dial,
    EmergencyAsked,
    EndCause,
    Join,
    JoinAsked,
    LeaveAsked,
    Leg,
    LegAnswered,
    LegEnded,
    ListenAsked,
    ModeAsked,
    Role,
    Stage,
    Supervision,
    Supervisor,
    TakeOverAsked,
    TimerFired,
    TransferKind,
    Whisper,
    WhisperAsked,
)
from ivr.flow import conference, consulting, danger, forwarding, ringing, transfer
from ivr.flow.turn import Turn

# Why a question is answered with no, besides those of `ivr.flow.transfer`. The API has the sentences.
SUPERVISED = "supervised"  # another supervisor is there
OWN_CALL = "own_call"  # the supervisor is the agent who talks
NOT_SUPERVISING = "not_supervising"  # no such supervisor to be let go

MODES: dict[type, Supervision] = {
    ListenAsked: Supervision.LISTEN,
    WhisperAsked: Supervision.WHISPER,
    JoinAsked: Supervision.JOIN,
    TakeOverAsked: Supervision.TAKE_OVER,
}
TALKS = frozenset({Stage.TALKING, Stage.CONSULTING, Stage.CONFERENCE})
TIMER = "supervisor"  # how long the supervisor's phone rings at most


def took(turn: Turn, event: AnyEvent) -> bool:
    """Take an event before sifts and stages do. True when it is dealt with, and they shall not see it."""
    match event:
        case ListenAsked() | WhisperAsked() | JoinAsked() | TakeOverAsked():
            _mode_asked(turn, event)
        case LeaveAsked():
            _leave_asked(turn, event)
        case LegAnswered() if _is_supervisors(turn, event.leg):
            _answered(turn)
        case LegEnded() if _is_supervisors(turn, event.leg):
            _forget(turn)
        case LegEnded():
            return _other_ended(turn, event)
        case TimerFired() if event.timer == TIMER:
            _timer(turn, event)
        case EmergencyAsked() if event.supervisor and _has_taken_over(turn):
            _emergency_asked(turn, event)
        case ControlResumed():
            _missing(turn, event)
            return False
        case _:
            return False
    return True


def settle(turn: Turn) -> None:
    """After each event: with no agent on the call there is nothing to supervise; a phone never rings without end."""
    supervisor = turn.call.supervisor
    if supervisor is None:
        turn.clear_timer(TIMER)
    elif _agent(turn) is None:
        _let_go(turn, supervisor)
    elif supervisor.up:
        turn.clear_timer(TIMER)
    elif TIMER not in turn.call.timers:
        turn.set_timer(TIMER, turn.rules.ring_s + turn.rules.ring_grace_s)


def known_legs(turn: Turn) -> set[str]:
    """The legs that are not in `Call.legs` and yet no orphans."""
    supervisor = turn.call.supervisor
    return set() if supervisor is None else {supervisor.id}


def resumed(turn: Turn, event: ControlResumed) -> None:
    """After a restart: an answer that was missed, or once more what the mode says."""
    supervisor, agent = turn.call.supervisor, _agent(turn)
    if supervisor is not None and supervisor.id in event.up and agent is not None and agent.id in event.up:
        _place(turn, supervisor, supervisor.mode)


# ---------------------------------------------------------------- what the supervisor asks for


def _mode_asked(turn: Turn, event: ModeAsked) -> None:
    mode, call = MODES[type(event)], turn.call
    refusal = _refusal(turn, event, mode)
    turn.reply(event.request, refusal)
    if refusal:
        return
    if call.supervisor is None:
        _ring(turn, event, mode)
    elif call.supervisor.up:
        _place(turn, call.supervisor, mode)
    else:
        call.supervisor = replace(call.supervisor, mode=mode)


def _refusal(turn: Turn, event: ModeAsked, mode: Supervision) -> str:
    agent, supervisor = _agent(turn), turn.call.supervisor
    if agent is None:
        return transfer.NOT_TALKING
    if event.supervisor == agent.party or event.address == agent.address:
        return OWN_CALL
    if supervisor is not None and supervisor.party != event.supervisor:
        return SUPERVISED
    if mode is Supervision.JOIN and len(turn.call.legs) >= transfer.MOST_PARTIES:
        return transfer.FULL
    return ""


def _leave_asked(turn: Turn, event: LeaveAsked) -> None:
    supervisor = turn.call.supervisor
    if supervisor is None or supervisor.party != event.supervisor:
        turn.reply(event.request, NOT_SUPERVISING)
        return
    turn.reply(event.request)
    _let_go(turn, supervisor)


def _emergency_asked(turn: Turn, event: EmergencyAsked) -> None:
    """Whoever has taken a call over has the agent's one action as well."""
    full = len(turn.call.legs) >= transfer.MOST_PARTIES
    refusal = transfer.FULL if full else danger.refused(turn, event.number)
    turn.reply(event.request, refusal)
    if not refusal:
        danger.keep(turn, event)
        turn.call.emergency = True
        consulting.enter(turn, danger.to(turn, event.number))


# ---------------------------------------------------------------- the supervisor's phone


def _ring(turn: Turn, event: ModeAsked, mode: Supervision) -> None:
    call = turn.call
    call.supervised += 1
    leg = f"{call.id}-v{call.supervised}"
    call.supervisor = Supervisor(leg, event.supervisor, event.address, mode)
    turn.commands.append(Dial(leg=leg, address=event.address, timeout_s=turn.rules.ring_s, caller=call.caller))


def _answered(turn: Turn) -> None:
    supervisor = turn.call.supervisor
    if supervisor is not None and not supervisor.up and _agent(turn) is not None:
        _place(turn, supervisor, supervisor.mode)


def _timer(turn: Turn, event: TimerFired) -> None:
    due, supervisor = turn.call.timers.get(TIMER), turn.call.supervisor
    if due is not None and due <= event.at and supervisor is not None:
        _let_go(turn, supervisor)


def _missing(turn: Turn, event: ControlResumed) -> None:
    supervisor = turn.call.supervisor
    if supervisor is not None and supervisor.id not in {*event.up, *event.ringing}:
        _forget(turn)


def _let_go(turn: Turn, supervisor: Supervisor) -> None:
    turn.hang_up(supervisor.id)
    _forget(turn)


def _forget(turn: Turn) -> None:
    turn.call.supervisor = None
    turn.clear_timer(TIMER)


# ---------------------------------------------------------------- who hears whom


def _place(turn: Turn, supervisor: Supervisor, mode: Supervision) -> None:
    """Do what the mode says, whatever it was before."""
    turn.call.supervisor = replace(supervisor, up=True, mode=mode)
    agent = _agent(turn)
    if agent is None:
        return
    match mode:
        case Supervision.LISTEN:
            turn.commands.append(Join(leg=supervisor.id, muted=True))
        case Supervision.WHISPER:
            turn.commands.append(Whisper(leg=supervisor.id, to=agent.id))
        case Supervision.JOIN:
            turn.commands.append(Join(leg=supervisor.id, muted=False))
        case Supervision.TAKE_OVER:
            _become_leg(turn, supervisor)
            turn.hang_up(agent.id)
            _without_agent(turn, agent, EndCause.HANGUP)


def _other_ended(turn: Turn, event: LegEnded) -> bool:
    """Another's leg ended: the citizen keeps a supervisor who has joined, and an emergency number that rings for a call
    without an agent rings on.
    """
    leg, supervisor = turn.call.legs.get(event.leg), turn.call.supervisor
    if leg is None or leg.role is Role.CITIZEN:
        return False
    if leg.role is Role.AGENT:
        if leg != _agent(turn) or supervisor is None or not supervisor.up or supervisor.mode is not Supervision.JOIN:
            return False
        _become_leg(turn, supervisor)
        _without_agent(turn, leg, event.cause)
        return True
    if turn.call.stage is not Stage.CONSULTING or _agent(turn) is not None or leg == ringing.target_leg(turn):
        return False
    turn.forget(leg.id)
    if not conference.with_citizen(turn):
        forwarding.take_over(turn)
    return True


def _become_leg(turn: Turn, supervisor: Supervisor) -> None:
    """From now on the supervisor talks with the citizen as an agent does."""
    turn.call.supervisor = None
    turn.answered(Leg(supervisor.id, Role.SUPERVISOR, supervisor.party, up=True, address=supervisor.address))


def _without_agent(turn: Turn, agent: Leg, cause: EndCause) -> None:
    """The supervisor has the citizen, so the agent's end is that of one of several. An emergency number rings on."""
    call, ended = turn.call, LegEnded(at=turn.at, leg=agent.id, cause=cause)
    if call.stage is not Stage.CONSULTING:
        conference.leg_ended(turn, ended)
    elif call.transfer is None or call.transfer.kind is not TransferKind.EMERGENCY:
        consulting.leg_ended(turn, ended)
    else:
        turn.forget(agent.id)
        turn.release_agent(agent.party, talked=True, cause=cause)
        call.transfer = replace(call.transfer, agent="", home="")


def _agent(turn: Turn) -> Leg | None:
    """The agent who talks on this call."""
    leg = conference.agent_of(turn) if turn.call.stage in TALKS else None
    return leg if leg is not None and leg.up else None


def _has_taken_over(turn: Turn) -> bool:
    talking = turn.call.stage in (Stage.TALKING, Stage.CONFERENCE) and _agent(turn) is None
    return talking and any(leg.role is Role.SUPERVISOR for leg in turn.call.legs.values())


def _is_supervisors(turn: Turn, leg: str) -> bool:
    return leg in known_legs(turn)

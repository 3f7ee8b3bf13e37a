"""Conference (三方通话): the citizen and two or more others in one room. Whoever leaves, the rest go on; with one left
it is an ordinary conversation again.
"""

from ivr.call import Check, DropAsked, EndCause, HandOverAsked, Leg, LegEnded, Role, Room, Say, Stage, TimerFired
from ivr.flow import farewell, talking, waiting
from ivr.flow.turn import Turn


def gather(turn: Turn, lost: bool = False) -> None:
    """Where the call stands, by who is with the citizen now. ``lost``: the last of them went without a hang-up."""
    helpers = with_citizen(turn)
    if len(helpers) > 1:
        _enter(turn)
    elif helpers:
        talking.enter(turn)
    elif lost:
        turn.call.priority = max(turn.call.priority, talking.LOST_LINE_PRIORITY)
        waiting.enter(turn, Say("agent_lost"))
    else:
        farewell.enter(turn)


def with_citizen(turn: Turn) -> list[Leg]:
    """Everybody who can hear the citizen."""
    return [leg for leg in turn.call.legs.values() if leg.role is not Role.CITIZEN and leg.up and leg.room is Room.MAIN]


def _enter(turn: Turn) -> None:
    turn.move(Stage.CONFERENCE)
    turn.set_timer("check", turn.rules.check_every_s)


def timer(turn: Turn, event: TimerFired) -> None:
    turn.commands.append(Check())
    turn.set_timer("check", turn.rules.check_every_s)


def leg_ended(turn: Turn, event: LegEnded) -> None:
    _gone(turn, turn.call.legs[event.leg], event.cause)


def hand_over_asked(turn: Turn, event: HandOverAsked) -> None:
    """The agent leaves; the others go on."""
    agent = agent_of(turn)
    if agent is None or agent.party != event.agent:
        turn.reply(event.request, "not_yours")
        return
    turn.reply(event.request)
    turn.hang_up(agent.id)
    _gone(turn, agent, EndCause.HANGUP)


def drop_asked(turn: Turn, event: DropAsked) -> None:
    agent = agent_of(turn)
    lines = [leg for leg in turn.call.legs.values() if leg.role is Role.LINE]
    if agent is None or agent.party != event.agent:
        turn.reply(event.request, "not_yours")
    elif not lines:
        turn.reply(event.request, "no_transfer")
    else:
        turn.reply(event.request)
        turn.hang_up(lines[-1].id)
        _gone(turn, lines[-1], EndCause.HANGUP)


def resumed(turn: Turn) -> None:
    agent = agent_of(turn)
    if agent is not None:
        turn.hold_agent(agent.party)


def leave(turn: Turn) -> None:
    """The citizen is gone; nothing is left to talk about."""
    for leg in [leg for leg in turn.call.legs.values() if leg.role is not Role.CITIZEN]:
        turn.hang_up(leg.id)
        turn.forget(leg.id)
        if leg.role is Role.AGENT:
            turn.release_agent(leg.party, talked=True, cause=EndCause.HANGUP)


def agent_of(turn: Turn) -> Leg | None:
    return next((leg for leg in turn.call.legs.values() if leg.role is Role.AGENT), None)


def _gone(turn: Turn, leg: Leg, cause: EndCause) -> None:
    turn.forget(leg.id)
    if leg.role is Role.AGENT:
        turn.release_agent(leg.party, talked=True, cause=cause)
    gather(turn, lost=cause is EndCause.LOST)

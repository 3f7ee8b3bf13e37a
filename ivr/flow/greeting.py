"""Greeting: what number was reached and that the call is recorded, at once and interruptible; then a person.

The dialled number decides by the transfer table what is said and where the call goes. GB/T 33358-2016 advises against
a menu in front of a government hotline, so keys work silently here, and any key, right or wrong, or none, leads on.
"""

from ivr.call import Accept, Announcement, CallArrived, DigitPressed, PromptEnded, Say, Sound, Stage, TimerFired
from ivr.flow import danger, onward, restricted, waiting
from ivr.flow.turn import Turn
from routing.tables import Reception, Route, Target, TargetKind, resolve

SECONDS_PER_CHARACTER = 0.4  # slow speech; the timer behind it is only for a carrier that forgets to tell the end

# what is said of a number; the greetings among these hold the recording notice, the others go before the ordinary one
GREETINGS = {
    Reception.MERGED: "greeting_merged",
    Reception.DUAL: "greeting_dual",
    Reception.COUNTY: "greeting_county",
    Reception.FORWARD: "greeting_forward",
}
NOTICES = {
    Reception.SUSPENDED: "line_suspended",
    Reception.RETIRED: "line_retired",
    Reception.CLOSED: "line_closed",
}


def arrive(turn: Turn, event: CallArrived) -> None:
    """A new call: the dialled number decides how it is received."""
    rules, call = turn.rules, turn.call
    call.arrived_at, call.dialled, call.caller, call.rules = event.at, event.dialled, event.caller, event.rules
    route = resolve(event.dialled, event.at, rules.table)
    call.line = route.line.number if route.line is not None else ""
    call.steps = route.steps
    if route.line is None and rules.skill != rules.general_skill:
        call.steps = (Target(TargetKind.SKILL, rules.skill), *route.steps)
    if event.handed_over is not None:
        call.priority, call.place = rules.handed_over_priority, event.handed_over.place
    if route.emergency:
        call.emergency, call.priority = True, rules.emergency_priority
    call.skill = next(step.to for step in call.steps if step.kind is TargetKind.SKILL)
    turn.add_citizen()
    turn.commands.append(Accept(leg=call.id))
    if event.restricted_until is not None and not route.emergency:
        restricted.enter(turn, event.restricted_until)
        return
    turn.move(Stage.GREETING)
    sounds = welcome(route, rules.greeting)
    turn.play(*sounds)
    turn.set_timer("greeting", _limit(sounds, rules.greeting_limit_s))


def welcome(route: Route, greeting: str) -> tuple[Sound, ...]:
    """What the caller hears first; ``greeting`` is the ordinary one."""
    said: list[Sound] = []
    if route.line is not None and route.line.announcement:
        said.append(Announcement(route.line.announcement))
    if route.reception is Reception.ALIAS:
        said.append(Say("greeting_alias", {"dialled": route.number, "line": route.final}))
    elif route.reception in GREETINGS:
        said.append(Say(GREETINGS[route.reception], {"line": route.number}))
    elif route.reception in NOTICES:
        said += [Say(NOTICES[route.reception], {"line": route.number}), Say(greeting)]
    else:
        said.append(Say(greeting))
    return tuple(said)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    onward.go(turn)


def key(turn: Turn, event: DigitPressed) -> None:
    if waiting.is_emergency(turn, event.digit):
        danger.enter(turn)
        return
    waiting.apply_key(turn, event.digit)
    onward.go(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    """The carrier never said that the greeting ended; the citizen does not wait for it."""
    onward.go(turn)


def _limit(sounds: tuple[Sound, ...], each_s: float) -> float:
    spoken = sum(len(sound.text) for sound in sounds if isinstance(sound, Announcement))
    return each_s * len(sounds) + spoken * SECONDS_PER_CHARACTER

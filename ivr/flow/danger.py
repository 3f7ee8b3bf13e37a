"""Danger to life (危及生命): a second key says whom the citizen needs, 110, 119, 120 or 122, who is then rung at once;
without one the first free person answers. No queue, no restriction and no line of the table comes before it.
"""

from ivr.call import DigitPressed, EmergencyAsked, Music, PromptEnded, Say, Stage, TimerFired, Transfer, TransferKind
from ivr.flow import forwarding, onward, waiting
from ivr.flow.turn import Turn
from routing.tables import resolve

PERSON_KEY = "0"
MENU_LIMIT_S = 20.0  # for a carrier that forgets to tell the menu's end

# what supervisors are alarmed by
CALLED = "emergency"  # a citizen is being put through without an agent
FAILED = "emergency_failed"  # no route to the number answered


def enter(turn: Turn) -> None:
    """Ask whom the citizen needs. A city without such keys goes straight to a person."""
    call = turn.call
    call.emergency = True
    call.priority = max(call.priority, turn.rules.emergency_priority)
    call.steps = ()
    if not turn.rules.emergency_keys:
        person(turn)
        return
    turn.move(Stage.CHOOSING)
    turn.play(Say("emergency_menu"))
    turn.set_timer("choice", MENU_LIMIT_S)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    turn.play(Music(), loop=True)
    turn.set_timer("choice", turn.rules.emergency_choice_s)


def key(turn: Turn, event: DigitPressed) -> None:
    number = turn.rules.emergency_keys.get(event.digit)
    if number is not None:
        put_through(turn, number)
    elif event.digit == PERSON_KEY:
        person(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    person(turn)


def person(turn: Turn) -> None:
    """The first free person, marked as an emergency."""
    turn.call.skill = turn.rules.general_skill
    waiting.enter(turn)


def put_through(turn: Turn, number: str) -> None:
    """Ring the number's routes one after another; the citizen has nobody else yet, so a supervisor is told."""
    forwarding.enter(turn, to(turn, number), Say("emergency_connecting", {"line": number}))
    turn.alarm(CALLED, number)


def to(turn: Turn, number: str, agent: str = "", home: str = "") -> Transfer:
    """The transfer to an emergency number. `resolve` gives each of them a phone, whatever the table says."""
    routes = onward.phones_first(resolve(number, turn.at, turn.rules.table).steps)
    return Transfer(number, TransferKind.EMERGENCY, routes, agent=agent, home=home)


def asked(turn: Turn, event: EmergencyAsked) -> None:
    """A supervisor puts a citizen through who has no agent yet."""
    refusal = refused(turn, event.number)
    if not event.supervisor:
        refusal = "not_talking"
    turn.reply(event.request, refusal)
    if not refusal:
        keep(turn, event)
        turn.call.emergency = True
        turn.call.priority = max(turn.call.priority, turn.rules.emergency_priority)
        turn.call.steps = ()
        put_through(turn, event.number)


def keep(turn: Turn, event: EmergencyAsked) -> None:
    """Remember what is known of the incident, for whoever is rung; what was said before is not lost."""
    turn.call.place = event.place or turn.call.place
    turn.call.event = event.event or turn.call.event


def refused(turn: Turn, number: str) -> str:
    """Why this is not an emergency number; empty when it is one."""
    return "" if resolve(number, turn.at, turn.rules.table).emergency else "not_emergency"


def failed(turn: Turn, transfer: Transfer) -> Say:
    """No route answered: supervisors learn of it, the citizen is told to dial directly and goes to a person."""
    turn.alarm(FAILED, transfer.line)
    return Say("emergency_failed", {"line": transfer.line})

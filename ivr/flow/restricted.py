"""Restricted (限制使用): a caller whom a person has restricted (珠海 §9, 四川 §21) hears until when, can appeal, and
always reaches emergency help. Everybody else's call is untouched by this stage.
"""

from datetime import date

from ivr.call import DigitPressed, PromptEnded, Say, Stage, TimerFired
from ivr.flow import danger, farewell, message, waiting
from ivr.flow.turn import Turn

APPEAL_KEY = "1"


def enter(turn: Turn, until: date) -> None:
    turn.move(Stage.RESTRICTED)
    turn.call.restricted = True
    told = Say("restricted", {"until": until.isoformat()})
    turn.play(told, told)
    turn.set_timer("restricted", turn.rules.restricted_limit_s)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    farewell.enter(turn, "restricted_bye")


def timer(turn: Turn, event: TimerFired) -> None:
    farewell.enter(turn, "restricted_bye")


def key(turn: Turn, event: DigitPressed) -> None:
    if waiting.is_emergency(turn, event.digit):
        turn.call.restricted = False
        danger.enter(turn)
    elif event.digit == APPEAL_KEY:
        turn.call.appeal = True
        message.enter(turn, Say("appeal"), ask=None)

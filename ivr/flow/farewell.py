"""Farewell: thank the citizen, then hang up."""

from ivr.call import PromptEnded, Say, Stage, TimerFired
from ivr.flow import closing
from ivr.flow.turn import Turn


def enter(turn: Turn, prompt: str = "farewell") -> None:
    turn.move(Stage.FAREWELL)
    turn.play(Say(prompt))
    turn.set_timer("farewell", turn.rules.farewell_limit_s)


def prompt_ended(turn: Turn, event: PromptEnded) -> None:
    closing.hang_up(turn)


def timer(turn: Turn, event: TimerFired) -> None:
    closing.hang_up(turn)

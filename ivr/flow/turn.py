"""One step of a call under construction: the new state and the commands gathered while an event is handled.

The only place where a call's state is written. Knows how to do things (play, dial, set a timer), never when.
"""

from copy import copy

from msgspec.structs import replace

from ivr.call import (
    Alarm,
    AnyCommand,
    Call,
    CloseCall,
    CloseRoom,
    Dial,
    EndCause,
    HangUp,
    HoldAgent,
    Join,
    Leg,
    Music,
    Outcome,
    Play,
    Prompt,
    ReleaseAgent,
    Reply,
    Role,
    Room,
    Say,
    SeekAgent,
    Sound,
    Stage,
    StopPlaying,
    StopSeeking,
    Talk,
)
from ivr.flow.handed import headers
from ivr.flow.rules import Rules


class Turn:
    """A copy of the call to work on. `call` and `commands` are the step's result."""

    __slots__ = ("at", "call", "commands", "rules")

    def __init__(self, call: Call, rules: Rules, at: float) -> None:
        self.call = copy(call)
        self.rules = rules
        self.at = at
        self.commands: list[AnyCommand] = []

    # ------------------------------------------------------------ sounds

    def play(self, *sounds: Sound, loop: bool = False) -> None:
        """Play to the room instead of whatever is playing."""
        self.stop_playing()
        call = self.call
        call.prompts_played += 1
        call.prompt = Prompt(f"{call.id}-p{call.prompts_played}_{_name(sounds[0])}", sounds, loop)
        self.commands.append(Play(prompt=call.prompt.id, sounds=sounds, loop=loop))

    def play_again(self) -> None:
        """Start what should be playing once more, under a new id."""
        prompt = self.call.prompt
        if prompt is not None:
            self.call.prompt = None
            self.play(*prompt.sounds, loop=prompt.loop)

    def stop_playing(self) -> None:
        prompt = self.call.prompt
        if prompt is not None:
            self.call.prompt = None
            self.commands.append(StopPlaying(prompt=prompt.id))

    def hold_line(self) -> None:
        """Whoever is alone in the other room hears music."""
        call = self.call
        call.prompts_played += 1
        call.held = f"{call.id}-p{call.prompts_played}_hold"
        self.commands.append(Play(prompt=call.held, sounds=(Music(),), loop=True, room=Room.CONSULT))

    def unhold_line(self) -> None:
        if self.call.held is not None:
            self.commands.append(StopPlaying(prompt=self.call.held, room=Room.CONSULT))
            self.call.held = None

    # ------------------------------------------------------------ timers

    def set_timer(self, name: str, seconds: float) -> None:
        self.call.timers = {**self.call.timers, name: self.at + seconds}

    def clear_timer(self, name: str) -> None:
        if name in self.call.timers:
            self.call.timers = {key: due for key, due in self.call.timers.items() if key != name}

    def clear_timers(self) -> None:
        self.call.timers = {}

    # ------------------------------------------------------------ legs

    def add_citizen(self) -> None:
        self._put(Leg(self.call.id, Role.CITIZEN, self.call.caller or "", up=True))

    def dial(self, leg: str, role: Role, address: str, party: str, ring_s: float, *, told: bool = False) -> None:
        """Ring a phone; with ``told`` it learns which call this is and what is known of it (X- headers)."""
        call = self.call
        self._put(Leg(leg, role, party, address=address))
        handed = headers(call, self.at) if told else {}
        self.commands.append(Dial(leg=leg, address=address, timeout_s=ring_s, caller=call.caller, headers=handed))

    def answered(self, leg: Leg) -> None:
        """The party is there: silence for the citizen's ear, then both in the room."""
        self.stop_playing()
        self.move_leg(leg, Room.MAIN)
        self.call.talks = (*self.call.talks, Talk(leg.id, leg.role, leg.party, self.at))

    def move_leg(self, leg: Leg, room: Room) -> None:
        """Put an answered leg into one of the call's rooms."""
        leg = replace(leg, up=True, room=room)
        self._put(leg)
        self.join(leg)

    def join(self, leg: Leg) -> None:
        """Put a leg into the room where it belongs; one that may have been muted is heard from now on."""
        muted = False if leg.role is Role.SUPERVISOR else None
        self.commands.append(Join(leg=leg.id, room=leg.room, muted=muted))

    def forget(self, leg_id: str) -> None:
        """The leg is gone: out of the state, and its conversation, if it had one, is over."""
        self.call.legs = {key: leg for key, leg in self.call.legs.items() if key != leg_id}
        if any(talk.leg == leg_id and talk.ended is None for talk in self.call.talks):
            self.call.talks = tuple(
                Talk(talk.leg, talk.role, talk.party, talk.began, self.at)
                if talk.leg == leg_id and talk.ended is None
                else talk
                for talk in self.call.talks
            )

    def hang_up(self, leg_id: str) -> None:
        self.commands.append(HangUp(leg=leg_id))

    def _put(self, leg: Leg) -> None:
        self.call.legs = {**self.call.legs, leg.id: leg}

    # ------------------------------------------------------------ the queue

    def seek_agent(self) -> None:
        """Stand in the queue since the call arrived: a failed offer or a lost line never costs the place."""
        call = self.call
        self.commands.append(SeekAgent(skill=call.skill, priority=call.priority, since=call.arrived_at))
        self.set_timer("seek", self.rules.seek_retry_s)

    def stop_seeking(self) -> None:
        self.clear_timer("seek")
        self.commands.append(StopSeeking())

    def hold_agent(self, agent: str) -> None:
        self.commands.append(HoldAgent(agent=agent))

    def release_agent(self, agent: str, *, talked: bool, cause: EndCause) -> None:
        self.commands.append(ReleaseAgent(agent=agent, talked=talked, cause=cause))

    # ------------------------------------------------------------ the whole call

    def move(self, stage: Stage) -> None:
        """Enter a stage with a clean clock; each stage sets its own timers."""
        self.call.stage = stage
        self.clear_timers()

    def alarm(self, kind: str, line: str) -> None:
        """Tell supervisors."""
        self.commands.append(Alarm(kind=kind, line=line))

    def reply(self, request: str, refusal: str = "") -> None:
        """Answer a person's question: yes, or why not."""
        self.commands.append(Reply(request=request, refusal=refusal))

    def close(self, outcome: Outcome) -> None:
        call = self.call
        self.commands.append(CloseRoom())
        self.commands.append(CloseCall(outcome=outcome, talks=call.talks, attempts=call.attempts, appeal=call.appeal))


def _name(sound: Sound) -> str:
    """What a prompt is called in its id, for those who read a call's story."""
    return sound.key if isinstance(sound, Say) else type(sound).__name__.lower()

"""Three and more people in one call (三方通话): who hears whom after each step, and what remains when one leaves."""

import pytest

from ivr.call import (
    AgentOffered,
    DropAsked,
    EndCause,
    HandOverAsked,
    HangUp,
    LegAnswered,
    LegEnded,
    MergeAsked,
    PromptEnded,
    Queued,
    ReleaseAgent,
    Reply,
    Role,
    Room,
    Stage,
    SwapAsked,
    TransferAsked,
    TransferKind,
    TransferResult,
)
from tests.support.calls import CALL, Story, later

AGENT = f"{CALL}-a1"
EXPERT, SECOND_EXPERT = f"{CALL}-t1", f"{CALL}-t2"


def consulting() -> Story:
    """The agent speaks with an expert of 12366, the citizen hears music."""
    story = Story()
    story.arrive()
    assert story.call.prompt is not None
    story.feed(
        PromptEnded(at=later(6), prompt=story.call.prompt.id, heard=True),
        Queued(at=later(6), skill="general", position=1, on_shift=2),
        AgentOffered(at=later(7), leg=AGENT, agent="8001", address="desk:8001", ring_s=20),
        LegAnswered(at=later(10), leg=AGENT),
        TransferAsked(at=later(20), request="q", agent="8001", number="12366", transfer=TransferKind.WARM),
        LegAnswered(at=later(24), leg=EXPERT),
    )
    return story


def merged() -> Story:
    story = consulting()
    story.feed(MergeAsked(at=later(30), request="m", agent="8001", consent=True))
    return story


def five() -> Story:
    """Citizen, agent and three experts."""
    story = merged()
    for number in (2, 3):
        story.feed(
            TransferAsked(at=later(40), request="q", agent="8001", number="12366", transfer=TransferKind.WARM),
            LegAnswered(at=later(44), leg=f"{CALL}-t{number}"),
            MergeAsked(at=later(50), request="m", agent="8001", consent=True),
        )
    return story


def hear(story: Story, room: Room = Room.MAIN) -> set[str]:
    """Who is in a room; the citizen is always in the main one."""
    return {leg.id for leg in story.call.legs.values() if leg.up and leg.room is room}


def music(story: Story) -> tuple[bool, bool]:
    """Whether the citizen, and whether a line in the other room, has something to hear while alone."""
    return story.call.prompt is not None, story.call.held is not None


def refusal(story: Story) -> list[str]:
    return [command.refusal for command in story.commands if isinstance(command, Reply)]


def test_given_a_consultation_when_merged_then_all_hear_each_other() -> None:
    story = merged()
    assert refusal(story) == [""]
    assert story.call.stage is Stage.CONFERENCE
    assert hear(story) == {CALL, AGENT, EXPERT}
    assert music(story) == (False, False)
    assert story.call.attempts[0].result is TransferResult.CONNECTED


def test_given_no_consent_then_nobody_is_brought_together() -> None:
    story = consulting()
    story.feed(MergeAsked(at=later(30), request="m", agent="8001", consent=False))
    assert refusal(story) == ["no_consent"]
    assert hear(story) == {CALL}


def test_given_a_consultation_when_swapped_then_the_other_is_on_hold_and_back_again() -> None:
    story = consulting()
    assert (hear(story), hear(story, Room.CONSULT)) == ({CALL}, {AGENT, EXPERT})
    assert music(story) == (True, False)
    story.feed(SwapAsked(at=later(30), request="s", agent="8001"))
    assert (hear(story), hear(story, Room.CONSULT)) == ({CALL, AGENT}, {EXPERT})
    assert music(story) == (False, True)
    story.feed(SwapAsked(at=later(40), request="s", agent="8001"))
    assert (hear(story), hear(story, Room.CONSULT)) == ({CALL}, {AGENT, EXPERT})
    assert music(story) == (True, False)


@pytest.mark.parametrize("who", ["agent", "expert", "citizen"])
def test_given_a_line_on_hold_when_somebody_leaves_then_the_others_are_together(who: str) -> None:
    story = consulting()
    story.feed(SwapAsked(at=later(30), request="s", agent="8001"))
    leg = {"agent": AGENT, "expert": EXPERT, "citizen": CALL}[who]
    story.feed(LegEnded(at=later(40), leg=leg, cause=EndCause.HANGUP))
    if who == "citizen":
        assert {HangUp(leg=AGENT), HangUp(leg=EXPERT)} <= set(story.commands)
        return
    assert story.call.stage is Stage.TALKING
    assert hear(story) == {CALL, AGENT, EXPERT} - {leg}
    assert music(story) == (False, False)


@pytest.mark.parametrize(("gone", "left"), [(AGENT, EXPERT), (EXPERT, AGENT)])
@pytest.mark.parametrize("cause", [EndCause.HANGUP, EndCause.LOST])
def test_given_a_conference_when_a_helper_leaves_then_the_citizen_goes_on_with_the_other(
    gone: str, left: str, cause: EndCause
) -> None:
    story = merged()
    story.feed(LegEnded(at=later(40), leg=gone, cause=cause))
    assert story.call.stage is Stage.TALKING
    assert hear(story) == {CALL, left}
    assert len(story.named(ReleaseAgent)) == (gone == AGENT)


def test_given_a_conference_when_the_agent_leaves_and_then_the_expert_then_the_call_says_good_bye() -> None:
    story = merged()
    story.feed(HandOverAsked(at=later(40), request="h", agent="8001"))
    assert refusal(story) == [""]
    story.feed(LegEnded(at=later(60), leg=EXPERT, cause=EndCause.HANGUP))
    assert story.call.stage is Stage.FAREWELL
    assert [(talk.role, talk.ended is not None) for talk in story.call.talks] == [
        (Role.AGENT, True),
        (Role.LINE, True),
    ]


def test_given_a_conference_when_the_expert_is_dropped_then_agent_and_citizen_go_on() -> None:
    story = merged()
    story.feed(DropAsked(at=later(40), request="d", agent="8001"))
    assert refusal(story) == [""]
    assert HangUp(leg=EXPERT) in story.commands
    assert hear(story) == {CALL, AGENT}


def test_given_a_conference_when_another_line_is_consulted_then_the_citizen_is_not_alone() -> None:
    story = merged()
    story.feed(
        TransferAsked(at=later(40), request="q", agent="8001", number="12366", transfer=TransferKind.WARM),
        LegAnswered(at=later(44), leg=SECOND_EXPERT),
    )
    assert hear(story) == {CALL, EXPERT}
    assert hear(story, Room.CONSULT) == {AGENT, SECOND_EXPERT}
    story.feed(LegEnded(at=later(50), leg=EXPERT, cause=EndCause.HANGUP))
    assert music(story) == (True, False), "alone now, and so on hold"


def test_given_five_people_then_a_sixth_is_refused() -> None:
    story = five()
    assert len(hear(story)) == 5
    story.feed(TransferAsked(at=later(60), request="q", agent="8001", number="12366", transfer=TransferKind.WARM))
    assert refusal(story) == ["full"]


def test_given_a_conference_then_nobody_is_transferred_blindly_out_of_it() -> None:
    story = merged()
    story.feed(TransferAsked(at=later(60), request="q", agent="8001", number="12366", transfer=TransferKind.BLIND))
    assert refusal(story) == ["conference"]


def test_given_a_conference_when_the_citizen_hangs_up_then_everybody_is_let_go() -> None:
    story = five()
    story.feed(LegEnded(at=later(60), leg=CALL, cause=EndCause.HANGUP))
    gone = {command.leg for command in story.commands if isinstance(command, HangUp)}
    assert gone == {AGENT, *(f"{CALL}-t{n}" for n in (1, 2, 3))}
    assert len(story.named(ReleaseAgent)) == 1

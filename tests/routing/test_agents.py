"""A roster is checked when it is read, with a sentence that tells how to mend it."""

import pytest

from routing.agents import Agent, check_roster
from routing.errors import RosterError, RoutingError
from tests.routing.desk import agent


def test_a_roster_keeps_its_order() -> None:
    assert list(check_roster([agent(3), agent(1, "general", "english"), agent(2)])) == ["3", "1", "2"]


def test_an_empty_roster_is_a_roster() -> None:
    assert check_roster([]) == {}


@pytest.mark.parametrize(
    ("agents", "says"),
    [
        ([agent(1), agent(1)], "agent 1 stands twice"),
        ([agent(1), Agent("2", "李", ("general",), "desk:1")], "agents 1 and 2 have the same phone"),
        ([Agent("", "王", ("general",), "desk:1")], "agent id '' cannot be used"),
        ([Agent("a b", "王", ("general",), "desk:1")], "agent id 'a b' cannot be used"),
        ([Agent("1", " ", ("general",), "desk:1")], "agent 1 has no name"),
        ([Agent("1", "王", (), "desk:1")], "agent 1 has no skill"),
        ([Agent("1", "王", ("two words",), "desk:1")], "skill 'two words' cannot be used"),
        ([Agent("1", "王", ("general", "general"), "desk:1")], "agent 1 has a skill twice"),
        ([Agent("1", "王", ("general",), "8001")], "agent 1: the address cannot be dialled"),
        ([Agent("1", "王", ("general",), "desk:80\n01")], "agent 1: the address cannot be dialled"),
    ],
)
def test_a_roster_that_cannot_be_used_is_refused_with_the_reason(agents: list[Agent], says: str) -> None:
    with pytest.raises(RosterError, match=says) as refused:
        check_roster(agents)
    assert isinstance(refused.value, RoutingError)


def test_a_refused_address_is_not_repeated_because_it_may_be_a_private_number() -> None:
    with pytest.raises(RosterError) as refused:
        check_roster([Agent("1", "王", ("general",), "phone: 13800138000")])
    assert "138" not in str(refused.value)

"""What a worker remembers of its own calls, to tell Redis again or late."""

from routing.board import Offer
from routing.claims import Claims, Leave, Release, Wait

WAIT = Wait("general", 0, 100.0)


def offer(call: str = "c", agent: str = "1", lease: str = "lease-1") -> Offer:
    return Offer(call, agent, "desk:1", lease, 20.0, "longest idle", 200.0)


def release(call: str = "c", agent: str = "1", talked: bool = False) -> Release:
    return Release(call, agent, talked, blameless=False, wrap_up_s=0.0)


def test_a_call_that_asks_again_later_keeps_its_place() -> None:
    claims = Claims()
    assert claims.seek("c", WAIT) is None
    assert claims.seek("c", Wait("english", 5, 300.0)) == WAIT
    assert claims.waiting["c"] == Wait("english", 5, 100.0)


def test_an_offer_is_taken_once() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    assert claims.take(offer(), until=9.0)
    assert not claims.take(offer(), until=9.0)
    assert claims.take(offer(agent="2", lease="lease-2"), until=9.0)


def test_an_offer_done_with_is_not_taken_when_it_is_delivered_once_more() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    claims.take(offer(), until=9.0)
    claims.release(release())
    assert not claims.take(offer(), until=9.0)
    claims.forget_expired(9.0)
    assert claims.take(offer(), until=29.0)


def test_an_offer_for_a_call_that_waits_no_longer_is_not_taken() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    claims.leave("c")
    assert not claims.take(offer(), until=9.0)


def test_an_offer_is_forgotten_when_its_time_is_over() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    claims.take(offer(), until=9.0)
    claims.forget_expired(8.9)
    assert "c" in claims.offers
    claims.forget_expired(9.0)
    assert "c" not in claims.offers


def test_an_agent_who_talks_is_held_until_released_and_the_call_waits_no_longer() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    claims.take(offer(), until=9.0)
    claims.hold("c", "1")
    assert (claims.waiting, claims.offers, claims.held) == ({}, {}, {("c", "1")})
    claims.release(release(talked=True))
    assert claims.held == set()


def test_a_failed_offer_leaves_the_call_waiting() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    claims.take(offer(), until=9.0)
    claims.release(release())
    assert (list(claims.waiting), claims.offers) == (["c"], {})


def test_the_release_of_another_agent_leaves_the_offer_under_way_alone() -> None:
    claims = Claims()
    claims.seek("c", WAIT)
    claims.take(offer(), until=9.0)
    claims.release(release(agent="2"))
    assert "c" in claims.offers


def test_what_redis_was_not_told_is_owed_in_order_until_paid() -> None:
    claims = Claims()
    first, second = claims.leave("c"), claims.release(release("d"))
    assert claims.debts == (first, second)
    claims.paid(first)
    assert list(claims.debts) == [second]


def test_a_call_that_seeks_again_no_longer_owes_its_leave() -> None:
    claims = Claims()
    claims.leave("c")
    claims.seek("c", WAIT)
    assert claims.debts == ()


def test_an_agent_held_again_no_longer_owes_the_release() -> None:
    claims = Claims()
    claims.release(release())
    claims.hold("c", "1")
    assert claims.debts == ()


def test_a_debt_replaced_while_it_was_being_paid_is_still_owed() -> None:
    claims = Claims()
    old = claims.leave("c")
    claims.seek("c", WAIT)
    new = claims.leave("c")
    claims.paid(old)
    assert claims.debts == (new,)
    assert new == Leave("c")

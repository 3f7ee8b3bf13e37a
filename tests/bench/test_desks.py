"""Desk phones tell which number was rung and picked up; what only rang does not count."""

from pathlib import Path

from bench.desks import Desks

RUNG = "2026-11-21\t03:28:33.9\t1795231713.9\tR\t{call}\tCSeq:925 INVITE\tINVITE sip:{number}@127.0.0.1:27062 SIP/2.0\n"
ANSWERED = "2026-11-21\t03:28:34.4\t1795231714.4\tS\t{call}\tCSeq:925 INVITE\tSIP/2.0 200 OK\n"
ACKNOWLEDGED = "2026-11-21\t03:28:34.5\t1795231714.5\tR\t{call}\tCSeq:925 ACK\tACK sip:127.0.0.1:27062 SIP/2.0\n"


def desks(folder: Path) -> tuple[Desks, Path]:
    return Desks(folder, 27062, 27900), folder / "desk.messages"


def test_a_call_that_was_acknowledged_was_picked_up(tmp_path: Path) -> None:
    phones, messages = desks(tmp_path)
    one, two = {"call": "a", "number": "8001"}, {"call": "b", "number": "9001"}
    messages.write_text(RUNG.format(**one) + RUNG.format(**two) + ANSWERED.format(**one) + ACKNOWLEDGED.format(**one))
    assert phones.picked_up() == ["8001"]
    assert phones.picked_up() == []


def test_a_line_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    phones, messages = desks(tmp_path)
    text = RUNG.format(call="a", number="8001") + ACKNOWLEDGED.format(call="a")
    messages.write_text(text[:-20])
    assert phones.picked_up() == []
    messages.write_text(text)
    assert phones.picked_up() == ["8001"]


def test_before_the_first_call_nobody_picked_up(tmp_path: Path) -> None:
    assert desks(tmp_path)[0].picked_up() == []

"""Slips of the fallback, read while the dialplan may still be writing them."""

from pathlib import Path

from config.slips import Slip, Try, read_slip, read_slips

BEGUN = "dialled=12345\ncaller=13800138000\nreason=TIMEOUT\nbegan=1790000000.250\n"
ANSWERED = "phone=desk:8001\nanswered=1790000005.500\n"
ENDED = "ended=1790000065.125\n"


def test_a_finished_slip_tells_all_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "node-1790000000.7").write_text(BEGUN + ANSWERED + ENDED)
    assert read_slip(tmp_path / "node-1790000000.7") == Slip(
        call="node-1790000000.7",
        dialled="12345",
        caller="13800138000",
        reason="TIMEOUT",
        began=1790000000.25,
        phone="desk:8001",
        answered=1790000005.5,
        ended=1790000065.125,
    )


def test_a_withheld_number_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(BEGUN.replace("13800138000", ""))
    slip = read_slip(tmp_path / "x")
    assert slip is not None
    assert slip.caller is None


def test_a_slip_cut_anywhere_is_read_as_what_was_certain_by_then(tmp_path: Path) -> None:
    for length in range(len(BEGUN + ANSWERED + ENDED)):
        (tmp_path / "x").write_text((BEGUN + ANSWERED + ENDED)[:length])
        slip = read_slip(tmp_path / "x")
        if length < len(BEGUN):
            assert slip is None
        else:
            assert slip is not None
            assert slip.ended is None
            assert slip.answered == (1790000005.5 if length >= len(BEGUN + ANSWERED) else None)


EMERGENCY = (
    "emergency=1790000001.000\nchosen=119 1790000003.000\n"
    "try=phone:119 1790000003.100\ntried=BUSY 17 1790000003.900\n"
    "try=backup:119 1790000004.100\n"
)


def test_an_emergency_tells_each_route_that_was_rung(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(
        f"{BEGUN}desk=\n{EMERGENCY}phone=backup:119\nanswered=1790000006.0\nended=1790000009.0\n"
    )
    slip = read_slip(tmp_path / "x")
    assert slip is not None
    assert (slip.emergency, slip.chosen, slip.desk) == (1790000001.0, (("119", 1790000003.0),), None)
    assert slip.tries == (
        Try("119", "phone:119", 1790000003.1, ended=1790000003.9, status="BUSY", cause=17),
        Try("119", "backup:119", 1790000004.1, answered=1790000006.0),
    )
    assert slip.by_operator


def test_a_duty_phone_that_answers_after_all_routes_is_no_operator(tmp_path: Path) -> None:
    text = f"{BEGUN}{EMERGENCY}tried=NOANSWER  1790000014.1\nphone=desk:8001\nanswered=1790000016.0\n"
    (tmp_path / "x").write_text(text)
    slip = read_slip(tmp_path / "x")
    assert slip is not None
    assert (slip.by_operator, slip.answered, slip.tries[-1].answered) == (False, 1790000016.0, None)
    assert slip.tries[-1].cause == 0


def test_an_emergency_slip_cut_anywhere_is_no_rubbish(tmp_path: Path) -> None:
    for length in range(len(BEGUN), len(BEGUN + EMERGENCY) + 1):
        (tmp_path / "x").write_text((BEGUN + EMERGENCY)[:length])
        slip = read_slip(tmp_path / "x")
        assert slip is not None
        assert len(slip.tries) <= 2


def test_slips_come_in_the_order_of_the_calls_and_rubbish_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "b").write_text(BEGUN)
    (tmp_path / "a").write_text(BEGUN.replace("1790000000.250", "1790000009.0"))
    (tmp_path / "rubbish").write_text("=\nx=y\n")
    (tmp_path / "folder").mkdir()
    assert [slip.call for slip in read_slips(tmp_path)] == ["b", "a"]
    assert read_slips(tmp_path / "missing") == []


def test_a_slip_does_not_show_the_number_when_printed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(BEGUN)
    assert "13800138000" not in repr(read_slips(tmp_path))

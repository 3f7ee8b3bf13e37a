"""Logging: the call's id is on each line, and no citizen's number is in any."""

import io
import json
import logging
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.logs import call_logged, configure, mask_number, mask_text


@pytest.fixture
def lines() -> Any:
    """Sets logging up as JSON into memory; gives what was written so far. Puts everything back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("info", json=True, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = before, level
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13800138000", "138****8000"),
        ("+8613800138000", "+86138****8000"),
        ("8613800138000", "86138****8000"),
        ("07953212345", "079****2345"),
        ("079532123456", "079*****3456"),
        ("3212345", "32***45"),
        ("phone:13800138000", "phone:138****8000"),
        ("desk:8001", "desk:8001"),
        ("12345", "12345"),
        ("127.0.0.1:5060", "127.0.0.1:5060"),
        ("sip:13800138000@10.0.0.1", "sip:138****8000@10.0.0.1"),
        ("", ""),
        (None, "withheld"),
    ],
)
def test_numbers_are_shown_masked(number: str | None, shown: str) -> None:
    assert mask_number(number) == shown


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text("来电 ,:;()", max_size=5))
def test_no_mobile_number_survives_in_any_text(number: str, around: str) -> None:
    for written in (number, f"{number[:3]}-{number[3:7]}-{number[7:]}", f"{number[:3]} {number[3:7]} {number[7:]}"):
        hidden = number[:3] + "*" * (len(written) - 7) + number[7:]
        assert mask_text(f"{around}{written}{around}") == f"{around}{hidden}{around}"


def test_what_is_no_telephone_number_stays() -> None:
    text = "call hotline-1790000000.1 order YC261121000014 sha 9f13800138000aa at 1790000000.13800138000 id 50612345678"
    assert mask_text(text) == text


def test_given_a_call_when_anything_is_logged_then_its_id_is_on_the_line_and_numbers_are_masked(lines: Any) -> None:
    log = structlog.get_logger("ivr.test")
    with call_logged("hotline-1.1"):
        log.info("call from 13800138000", caller="13800138000", nested={"phone": "3212345", "all": ["13900139000"]})
        logging.getLogger("library").warning("dialling %s", "13800138000", extra={"count": 13800138000})
    log.info("after")
    first, second, third = lines()
    assert first["call"] == second["call"] == "hotline-1.1"
    assert "call" not in third
    assert first["event"] == "call from 138****8000"
    assert first["caller"] == "138****8000"
    assert first["nested"] == {"phone": "32***45", "all": ["139****9000"]}
    assert first["logger"] == "ivr.test"
    assert second["event"] == "dialling 138****8000"
    assert second["count"] == "138****8000"
    assert second["level"] == "warning"


def test_given_an_exception_with_a_number_in_it_then_the_traceback_is_masked(lines: Any) -> None:
    try:
        raise ValueError("cannot call 13800138000")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert "cannot call 138****8000" in line["exception"]
    assert "13800138000" not in json.dumps(line)


def test_lines_below_the_level_are_not_written(lines: Any) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("library").debug("quiet")
    assert lines() == []

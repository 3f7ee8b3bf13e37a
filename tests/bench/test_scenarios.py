"""The SIPp scenarios are well-formed and say what the measurement needs."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import scenarios


def test_a_citizen_whose_audio_is_the_taps_names_its_port_and_is_silent_itself() -> None:
    text = scenarios.citizen(sip=5060, trunk=5062, stay_s=7.5, audio=24000)
    scenario = ET.fromstring(text)
    assert "m=audio 24000 RTP/AVP 8" in text
    assert scenario.find("pause").get("milliseconds") == "7500"  # type: ignore[union-attr]
    assert scenario.find(".//exec") is None


def test_a_citizen_whose_audio_is_sipps_speaks_until_the_end_and_counts_what_comes_back() -> None:
    text = scenarios.citizen(sip=5060, trunk=5062, stay_s=7.5, voice=Path("/voice.wav"))
    steps = [step.tag for step in ET.fromstring(text)]
    assert "m=audio [rtpstream_audio_port] RTP/AVP 8" in text
    assert 'rtp_stream="/voice.wav,-1,8,PCMA/8000"' in text
    talk = steps.index("pause")
    assert steps[talk - 1] == steps[talk + 1] == "nop"  # speaks before, counts after


def test_all_of_a_citizens_messages_go_through_the_trunk() -> None:
    scenario = ET.fromstring(scenarios.citizen(sip=5060, trunk=5062, stay_s=1, audio=24000))
    sent = [step.text or "" for step in scenario.iter("send")]
    assert len(sent) == 3  # INVITE, ACK, BYE
    for message in sent:
        assert "Via: SIP/2.0/UDP 127.0.0.1:5062;rport" in message
    assert "Contact: <sip:citizen@127.0.0.1:5062>" in sent[0]


@pytest.mark.parametrize("ends", [{}, {"audio": 24000, "voice": Path("/voice.wav")}])
def test_a_citizens_audio_has_exactly_one_end(ends: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one end"):
        scenarios.citizen(sip=5060, trunk=5062, stay_s=1, **ends)  # type: ignore[arg-type]


def test_a_desk_phone_rings_before_it_is_picked_up() -> None:
    scenario = ET.fromstring(scenarios.desk(ring_s=0.5))
    kinds = [(step.tag, (step.text or "").split()[1:2]) for step in scenario if step.tag in ("send", "pause")]
    assert kinds[:3] == [("send", ["180"]), ("pause", []), ("send", ["200"])]
    assert scenario.find("pause").get("milliseconds") == "500"  # type: ignore[union-attr]

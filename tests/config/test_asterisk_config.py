"""What may stand in Asterisk's configuration: bad values get one clear sentence, and nothing can be smuggled in."""

from pathlib import Path

import pytest

from config.asterisk_config import MODULES, OFFER_PAUSE_MS, Configuration, Instance, offer_rounds, render
from config.errors import ConfigError
from config.settings import Settings, SipSettings, SwitchSettings


def configuration(
    target: Path, *, sip: SipSettings | None = None, duty: tuple[str, ...] = (), **changed: object
) -> Configuration:
    settings = Settings(state=target, sip=sip or SipSettings(desks="127.0.0.1:5064"), switch=SwitchSettings())
    values = {
        "target": target / "switch",
        "run_dir": target / "run",
        "modules_dir": Path("/usr/lib/asterisk/modules"),
        "data_dir": Path("/usr/share/asterisk"),
        "system_name": "node1",
        "http_host": "127.0.0.1",
        "http_port": 8088,
        "rtp_start": 20000,
        "rtp_end": 20999,
        "ari_user": "hotline",
        "ari_password": "s3cret-s3cret",
    } | changed
    return render(
        settings,
        Instance(**values),  # type: ignore[arg-type]
        duty_phones=duty,
        notice=Path("/sounds/notice.wav"),
        sorry=None,
        moh_dir=Path("/sounds/music"),
    )


@pytest.mark.parametrize(
    ("sip", "duty", "field"),
    [
        (SipSettings(trunk="sbc.example"), (), "sip.trunk"),
        (SipSettings(trunk="sbc.example:0"), (), "sip.trunk"),
        (SipSettings(trunk="a b:5060"), (), "sip.trunk"),
        (SipSettings(trunk="1.2.3.4:5060\ncontext=x"), (), "sip.trunk"),
        (SipSettings(desks="nowhere"), (), "sip.desks"),
        (SipSettings(backup_trunk="1.2.3.4"), (), "sip.backup_trunk"),
        (SipSettings(emergency_desks={"1 10": "1.2.3.4"}), (), "sip.emergency_desks"),
        (SipSettings(emergency_desks={"110": "1.2.3.4\ncontext=x"}), (), "sip.emergency_desks"),
        (SipSettings(channels=4, reserved=4), (), "sip.reserved"),
        (SipSettings(bind="localhost"), (), "sip.bind"),
        (SipSettings(rtp_start=30000, rtp_end=30001), (), "sip.rtp_end"),
        (SipSettings(), ("desk:8001",), "sip.desks"),
        (SipSettings(), ("phone:12&Local/x",), "duty_phones"),
        (SipSettings(), ("phone:",), "duty_phones"),
        (SipSettings(), ("fax:123",), "duty_phones"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(
    tmp_path: Path, sip: SipSettings, duty: tuple[str, ...], field: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        configuration(tmp_path, sip=sip, duty=duty)
    assert refused.value.field == field


def test_a_refused_duty_phone_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        configuration(tmp_path, duty=("phone:13800138000;x",))
    assert "13800138000" not in str(refused.value)


@pytest.mark.parametrize("name", ["a;b", "a,b", "a(b)", "a&b", "a${X}", "a\nb", "a|b"])
def test_a_path_that_asterisk_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="Asterisk cannot use this path"):
        configuration(tmp_path / name)


@pytest.mark.parametrize("name", ["with space", "市", "a.b_c-d+e@f"])
def test_an_ordinary_path_is_accepted(tmp_path: Path, name: str) -> None:
    assert str(tmp_path / name) in configuration(tmp_path / name).files["extensions.conf"]


@pytest.mark.parametrize("password", ["a;b", "a\nb", "", "a b"])
def test_a_password_that_would_break_its_line_is_refused_without_being_shown(tmp_path: Path, password: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configuration(tmp_path, ari_password=password)
    assert refused.value.field == "ari_password"
    assert "a;b" not in str(refused.value)


def test_the_password_is_in_one_file_only_and_in_no_text_for_people(tmp_path: Path) -> None:
    made = configuration(tmp_path)
    assert [name for name, text in made.files.items() if "s3cret-s3cret" in text] == ["ari.conf"]
    assert "s3cret-s3cret" not in repr(made)


def test_duty_phones_are_rung_in_their_order_through_their_own_gateways(tmp_path: Path) -> None:
    lines = configuration(tmp_path, duty=("phone:13900000001", "desk:8001")).files["extensions.conf"].splitlines()
    dialled = [line.partition("Dial(")[2].partition(",")[0] for line in lines if "Dial(" in line]
    assert dialled[:-1] == ["PJSIP/13900000001@trunk", "PJSIP/8001@desk"]


def test_desk_phones_and_softphones_have_endpoints_only_where_the_settings_want_them(tmp_path: Path) -> None:
    bare = configuration(tmp_path, sip=SipSettings()).files
    full = configuration(tmp_path, sip=SipSettings(desks="127.0.0.1:5064", softphone=True)).files
    for text in ("[desk]", "[anonymous]"):
        assert text not in bare["pjsip.conf"]
        assert text in full["pjsip.conf"]
    assert "identifier_anonymous" not in bare["modules.conf"]


def test_saving_twice_changes_nothing_and_a_file_that_is_not_ours_any_more_goes(tmp_path: Path) -> None:
    made = configuration(tmp_path)
    assert made.save() == made.files.keys()
    assert made.save() == frozenset()
    (tmp_path / "switch" / "etc" / "voicemail.conf").write_text("[general]\n")
    assert made.save() == {"voicemail.conf"}


@pytest.mark.parametrize("claim_ms", [100, 300, 500, 1000, 1500, 2000])
def test_a_worker_of_any_constant_delay_below_the_limit_meets_a_standing_offer(claim_ms: int) -> None:
    standing, at = [], 0
    for length in offer_rounds(claim_ms):
        standing.append((at, at + length))
        at += length + OFFER_PAUSE_MS
    assert at >= claim_ms
    for delay in range(claim_ms - 60):
        claims = [offered + delay for offered, _ in standing]
        assert any(begin <= claim < end for claim in claims for begin, end in standing), f"{delay} ms"


def test_no_module_is_named_twice() -> None:
    names = [name for group in MODULES.values() for name in group]
    assert len(names) == len(set(names))

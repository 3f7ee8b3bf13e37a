"""Which Debian archive is taken, from apt sources as machines have them."""

from pathlib import Path

import pytest

from hotline.runtime.errors import SetupError
from hotline.runtime.sources import Source, find_archive, is_debian_main, machine_sources, parse_deb822, parse_one_line

DEB822 = """\
Types: deb deb-src
# a comment within a stanza
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: trixie-security
Components: main

Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb-src
URIs: http://sources.example/debian
Suites: trixie
Components: main
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    return tmp_path / "apt"


@pytest.fixture
def keyrings(tmp_path: Path) -> Path:
    folder = tmp_path / "keyrings"
    folder.mkdir()
    (folder / "debian-archive-keyring.gpg").write_bytes(b"key")
    return folder


def test_deb822_stanzas_give_enabled_binary_sources_with_all_their_suites() -> None:
    assert list(parse_deb822(DEB822)) == [
        Source(
            "http://mirror.example/debian",
            ("trixie", "trixie-updates"),
            ("main", "contrib"),
            "/usr/share/keyrings/debian-archive-keyring.gpg",
        ),
        Source("http://mirror.example/debian-security", ("trixie-security",), ("main",)),
    ]


def test_a_stanza_with_two_uris_gives_two_sources() -> None:
    stanza = "Types: deb\nURIs: http://a.example/debian\n http://b.example/debian\nSuites: sid\nComponents: main\n"
    assert [source.uri for source in parse_deb822(stanza)] == ["http://a.example/debian", "http://b.example/debian"]


def test_one_line_entries_are_read_with_their_options_and_without_comments() -> None:
    text = """\
# deb http://commented.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/k/debian-archive-keyring.gpg] http://mirror.example/debian bookworm main non-free # ours
deb http://flat.example/ ./
"""
    assert list(parse_one_line(text)) == [
        Source("http://mirror.example/debian", ("bookworm",), ("main", "non-free"), "/k/debian-archive-keyring.gpg"),
        Source("http://flat.example/", ("./",), ()),
    ]


@pytest.mark.parametrize(
    ("uri", "suite", "component", "signed_by", "is_it"),
    [
        ("http://mirror.example/debian", "bookworm", "main", "", True),
        ("http://mirror.example/debian/", "stable", "main", "", True),
        ("mirror+file:///etc/apt/mirrors/debian.list", "bookworm", "main", "", True),
        ("http://snapshot.example/archive/debian/20260101T000000Z", "sid", "main", "", True),
        ("http://any.example/mirror", "trixie", "main", "/usr/share/keyrings/debian-archive-keyring.pgp", True),
        ("http://mirror.example/debian-security", "bookworm-security", "main", "", False),
        ("http://mirror.example/debian", "bookworm-backports", "main", "", False),
        ("http://mirror.example/debian", "bookworm", "contrib", "", False),
        ("http://mirror.example/ubuntu", "noble", "main", "", False),
        ("http://raspbian.example/raspbian", "bookworm", "main", "", False),
        ("http://shop.example/linux/debian", "bookworm", "main", "/etc/apt/keyrings/shop.gpg", False),
        ("http://shop.example/apt", "stable", "main", "", False),
    ],
)
def test_only_debians_own_main_archive_is_taken(
    uri: str, suite: str, component: str, signed_by: str, is_it: bool
) -> None:
    assert is_debian_main(Source(uri, (suite,), (component,), signed_by)) is is_it


def test_files_are_read_in_apts_order_and_those_apt_ignores_are_not_read(etc: Path, keyrings: Path) -> None:
    def entry(host: str) -> str:
        return f"deb http://{host}.example/debian bookworm main\n"

    (etc / "sources.list.d/b.list").write_text(entry("second"))
    (etc / "sources.list.d/a.list.disabled").write_text(entry("disabled"))
    (etc / "sources.list.d/a b.list").write_text(entry("blank"))
    assert [source.uri for source in machine_sources(etc)] == ["http://second.example/debian"]
    (etc / "sources.list").write_text(entry("first"))
    assert find_archive({}, etc, keyrings).uri == "http://first.example/debian"


def test_given_debian_sources_the_archive_is_theirs_with_suite_sid_and_their_key(etc: Path, keyrings: Path) -> None:
    key = keyrings / "debian-archive-keyring.gpg"
    text = DEB822.replace("/usr/share/keyrings/debian-archive-keyring.gpg", str(key))
    (etc / "sources.list.d/debian.sources").write_text(text)
    archive = find_archive({}, etc, keyrings)
    assert (archive.uri, archive.suite, archive.keyring) == ("http://mirror.example/debian", "sid", key)


def test_given_a_key_written_into_the_source_then_it_is_the_key(etc: Path, keyrings: Path) -> None:
    (etc / "sources.list.d/debian.sources").write_text(
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\nSigned-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )
    archive = find_archive({}, etc, keyrings)
    assert archive.keyring is None
    assert archive.inline_key.split("\n") == [
        "-----BEGIN PGP PUBLIC KEY BLOCK-----", "", "mQINBF", "-----END PGP PUBLIC KEY BLOCK-----"
    ]  # fmt: skip


def test_given_mirror_and_suite_settings_then_they_win_over_the_machines_sources(etc: Path, keyrings: Path) -> None:
    (etc / "sources.list").write_text("deb http://machine.example/debian bookworm main\n")
    settings = {"HOTLINE_DEBIAN_MIRROR": "http://chosen.example/debian", "HOTLINE_DEBIAN_SUITE": "forky"}
    archive = find_archive(settings, etc, keyrings)
    assert (archive.uri, archive.suite) == ("http://chosen.example/debian", "forky")
    assert archive.keyring == keyrings / "debian-archive-keyring.gpg"


def test_given_ubuntu_then_one_sentence_tells_the_setting_to_make(etc: Path, keyrings: Path) -> None:
    (etc / "sources.list").write_text("deb http://archive.example/ubuntu noble main universe\n")
    with pytest.raises(SetupError, match="set HOTLINE_DEBIAN_MIRROR to the URI of a Debian mirror") as refused:
        find_archive({}, etc, keyrings)
    assert "\n" not in str(refused.value)


def test_given_a_mirror_that_is_no_uri_then_it_is_refused(etc: Path, keyrings: Path) -> None:
    with pytest.raises(SetupError, match="HOTLINE_DEBIAN_MIRROR is no URI"):
        find_archive({"HOTLINE_DEBIAN_MIRROR": "mirror.example/debian"}, etc, keyrings)


def test_an_archives_address_is_not_shown_for_it_may_hold_a_password(etc: Path, keyrings: Path) -> None:
    archive = find_archive({"HOTLINE_DEBIAN_MIRROR": "http://user:secret@mirror.example/debian"}, etc, keyrings)
    assert "secret" not in repr(archive)

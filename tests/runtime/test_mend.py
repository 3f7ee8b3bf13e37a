"""The one-byte mend of Debian's Asterisk: what it recognises, and that it never touches anything else."""

import hashlib
from pathlib import Path

import pytest

from hotline.runtime import mend, paths
from hotline.runtime.elf import EM_AARCH64, EM_X86_64
from hotline.runtime.manifest import Manifest
from hotline.runtime.mend import MendState
from tests.runtime.elf_file import elf_exporting

# The head of ast_translate() as Debian's build has it, from the comparison of sequence numbers on; between the two
# comparisons and where the first one jumps lies code the mend does not look at.
LAST_SEEN = bytes.fromhex("8b9788000000")
COMPARE = bytes.fromhex("81faffff0000")
JUMP_IF_ABOVE = bytes.fromhex("7768")
THIS_ONE = bytes.fromhex("8bae80000000 39ea 0f8406070000 0f8f0e070000 4189ec4129d44183ec014489e0")
HALF_THE_SPACE = bytes.fromhex("3d00800000")
NONE_SEEN_YET = bytes.fromhex("833e0f74c5")
BETWEEN = b"\x90" * (0x68 - len(THIS_ONE + HALF_THE_SPACE))
PROLOGUE = bytes.fromhex("f30f1efa 4157 4989f0")

AFFECTED = PROLOGUE + LAST_SEEN + COMPARE + JUMP_IF_ABOVE + THIS_ONE + HALF_THE_SPACE + BETWEEN + NONE_SEEN_YET
JUMP_AT = len(PROLOGUE + LAST_SEEN + COMPARE)


def asterisk(tmp_path: Path, code: bytes, machine: int = EM_X86_64) -> Path:
    program = tmp_path / "asterisk"
    program.write_bytes(elf_exporting("ast_translate", code, machine))
    program.chmod(0o755)
    return program


def test_given_the_known_code_when_mended_then_one_byte_makes_the_jump_unconditional(tmp_path: Path) -> None:
    program = asterisk(tmp_path, AFFECTED)
    before = program.read_bytes()
    assert mend.inspect(before).state is MendState.NEEDED
    done = mend.mend(program)
    after = program.read_bytes()
    changed = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert done.state is MendState.MENDED
    assert changed == [done.offset] == [before.index(AFFECTED) + JUMP_AT]
    assert (before[changed[0]], after[changed[0]]) == (0x77, 0xEB)
    assert program.stat().st_mode & 0o777 == 0o755


def test_mending_twice_changes_nothing_more(tmp_path: Path) -> None:
    program = asterisk(tmp_path, AFFECTED)
    mend.mend(program)
    once = program.read_bytes()
    assert mend.mend(program).state is MendState.MENDED
    assert program.read_bytes() == once
    assert [path.name for path in tmp_path.iterdir()] == ["asterisk"]


def test_given_code_without_debians_patch_then_no_mend_is_needed(tmp_path: Path) -> None:
    program = asterisk(tmp_path, PROLOGUE + b"\x90" * 64 + b"\xc3")
    before = program.read_bytes()
    assert mend.mend(program).state is MendState.NOT_NEEDED
    assert program.read_bytes() == before


# What must be as it is: all but field offsets, the distances of the later jumps and the arithmetic between.
RECOGNISED = [
    len(PROLOGUE) + place
    for place in [0, 1, 4, 5, *range(6, 14), *(14 + place for place in (0, 1, 4, 5, 6, 7, 8, 9, 14, 15))]
]
RECOGNISED += [AFFECTED.index(HALF_THE_SPACE) + place for place in range(5)]
RECOGNISED += [AFFECTED.index(NONE_SEEN_YET) + place for place in range(3)]


@pytest.mark.parametrize("place", RECOGNISED)
def test_given_one_other_byte_then_the_build_is_unknown_and_left_alone(tmp_path: Path, place: int) -> None:
    code = bytearray(AFFECTED)
    code[place] ^= 0x01
    program = asterisk(tmp_path, bytes(code))
    before = program.read_bytes()
    told = mend.mend(program)
    assert told.state is MendState.UNKNOWN
    assert "HOTLINE_ASTERISK" in told.sentence
    assert program.read_bytes() == before


def test_given_the_known_code_twice_then_the_build_is_unknown(tmp_path: Path) -> None:
    assert mend.mend(asterisk(tmp_path, AFFECTED + AFFECTED)).state is MendState.UNKNOWN


def test_given_the_known_code_in_another_function_then_it_is_left_alone(tmp_path: Path) -> None:
    program = tmp_path / "asterisk"
    program.write_bytes(elf_exporting("ast_translate", PROLOGUE + b"\xc3", before=AFFECTED))
    before = program.read_bytes()
    assert mend.mend(program).state is MendState.NOT_NEEDED
    assert program.read_bytes() == before


def test_given_another_architecture_then_the_sentence_tells_how_to_mend(tmp_path: Path) -> None:
    told = mend.mend(asterisk(tmp_path, AFFECTED, machine=EM_AARCH64))
    assert told.state is MendState.UNKNOWN
    assert "x86-64" in told.sentence
    assert "rebuild Debian's source package without 2016_opus_plc.patch" in told.sentence


@pytest.mark.parametrize("length", [0, 3, 63, 64, 100, 200, 300, 400])
def test_given_a_file_that_is_cut_or_no_program_then_the_build_is_unknown_and_left_alone(
    tmp_path: Path, length: int
) -> None:
    program = tmp_path / "asterisk"
    whole = elf_exporting("ast_translate", AFFECTED)
    assert length < len(whole)
    program.write_bytes(whole[:length])
    assert mend.mend(program).state is MendState.UNKNOWN
    assert program.read_bytes() == whole[:length]


def test_given_no_such_function_then_the_build_is_unknown(tmp_path: Path) -> None:
    program = tmp_path / "asterisk"
    program.write_bytes(elf_exporting("ast_translate_path_steps", AFFECTED))
    assert mend.mend(program).state is MendState.UNKNOWN


@pytest.mark.switch
def test_the_asterisk_in_use_does_not_lose_audio_after_an_rtp_restart() -> None:
    told = mend.inspect(paths.asterisk_binary().read_bytes())
    assert told.state in (MendState.MENDED, MendState.NOT_NEEDED), told.sentence


@pytest.mark.switch
def test_given_debians_own_binary_when_mended_then_it_is_the_one_in_use(tmp_path: Path) -> None:
    tree = paths.layout().tree("current")
    manifest = Manifest.read(tree)
    if manifest is None or manifest.mend is None or manifest.mend.state != MendState.MENDED:
        pytest.skip("the Asterisk in use needed no mend")
    in_use = (tree / "usr/sbin/asterisk").read_bytes()
    offset = mend.inspect(in_use).offset
    assert offset is not None
    program = tmp_path / "asterisk"
    program.write_bytes(in_use[:offset] + b"\x77" + in_use[offset + 1 :])
    assert hashlib.sha256(program.read_bytes()).hexdigest() == manifest.mend.sha256_before
    assert mend.inspect(program.read_bytes()).state is MendState.NEEDED
    assert mend.mend(program).state is MendState.MENDED
    assert program.read_bytes() == in_use
    assert hashlib.sha256(in_use).hexdigest() == manifest.mend.sha256_after

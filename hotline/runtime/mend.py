"""Mends one thing in Debian's Asterisk: it stops hearing a caller whose RTP restarts with a lower sequence number.

Debian's patch `2016_opus_plc.patch` makes `ast_translate()` discard every frame whose RTP sequence number lies
behind the last one it saw, up to 32768 packets (11 minutes). One byte makes that comparison always choose the path
"no number seen yet", which is upstream's behaviour. Code that is not recognised to the letter is never touched.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hotline.runtime.elf import EM_X86_64, Elf, ElfError

VERSION = 1  # part of the runtime's recipe: a new mend rebuilds the runtime

REBUILD = (
    "rebuild Debian's source package without 2016_opus_plc.patch, or set HOTLINE_ASTERISK to an Asterisk that lacks it"
)

# x86-64 code of the patched comparison as GCC writes it. `path` is in %rdi, `frame` in %rsi.
_SITE = re.compile(
    rb"\x8b\x97.{2}\x00\x00"  # mov  path->last sequence number, %edx
    rb"\x81\xfa\xff\xff\x00\x00"  # cmp  $0xffff, %edx          (a larger value: none seen yet)
    rb"(?P<jump>[\x77\xeb])(?P<distance>[\x00-\x7f])"  # ja / jmp  "none seen yet"
    rb"\x8b\xae.{2}\x00\x00"  # mov  frame->seqno, %ebp
    rb"\x39\xea"  # cmp  %ebp, %edx
    rb"\x0f\x84.{4}"  # je   same packet again
    rb"\x0f\x8f.{4}"  # jg   numbers went backwards
    rb".{0,16}\x3d\x00\x80\x00\x00",  # cmp  $0x8000, %eax          (half the number space)
    re.DOTALL,
)
_NONE_SEEN_YET = b"\x83\x3e\x0f"  # cmpl $15, frame->frametype: where the jump must land
_ALWAYS = 0xEB  # jmp with an 8-bit distance
_SEQUENCE_NUMBERS = (b"\xff\xff\x00\x00", b"\x00\x80\x00\x00")  # 0xffff, 0x8000; upstream's function holds neither


class MendState(StrEnum):
    """What is known of an Asterisk binary."""

    NEEDED = "needed"
    MENDED = "mended"
    NOT_NEEDED = "not needed"
    UNKNOWN = "unknown build: not mended"


@dataclass(frozen=True)
class Mend:
    """The state, one sentence for people, and the byte's place in the file where there is one."""

    state: MendState
    sentence: str
    offset: int | None = None


def inspect(code: bytes) -> Mend:
    """Tell from an Asterisk binary's bytes whether it drops audio after an RTP restart; changes nothing."""
    try:
        elf = Elf(code)
        if elf.machine != EM_X86_64:
            return _unknown("the mend knows x86-64 code only")
        start, size = elf.function("ast_translate")
    except ElfError as error:
        return _unknown(str(error))
    body = code[start : start + size]
    if not any(number in body for number in _SEQUENCE_NUMBERS):
        return Mend(MendState.NOT_NEEDED, "This Asterisk is built without Debian's 2016_opus_plc.patch.")
    sites = list(_SITE.finditer(body))
    if len(sites) != 1:
        return _unknown(f"ast_translate() holds {len(sites)} comparisons of the known form where one is expected")
    site = sites[0]
    landing = site.end("distance") + site["distance"][0]
    if not body.startswith(_NONE_SEEN_YET, landing):
        return _unknown("the comparison in ast_translate() jumps to unknown code")
    offset = start + site.start("jump")
    if site["jump"][0] == _ALWAYS:
        return Mend(MendState.MENDED, "Debian's 2016_opus_plc.patch is neutralised.", offset)
    return Mend(MendState.NEEDED, f"This Asterisk goes deaf after an RTP restart: {REBUILD}.", offset)


def mend(program: Path) -> Mend:
    """Mend the Asterisk at `program` if it needs it, replacing the file at once or not at all; tell what was done.

    Repeating it changes nothing. An unknown build is left alone and told as such, never an exception.
    """
    code = bytearray(program.read_bytes())
    found = inspect(bytes(code))
    if found.state is not MendState.NEEDED or found.offset is None:
        return found
    code[found.offset] = _ALWAYS
    mended = program.with_name(program.name + ".mended")
    mended.write_bytes(code)
    mended.chmod(program.stat().st_mode)
    os.replace(mended, program)
    return inspect(bytes(code))


def _unknown(reason: str) -> Mend:
    sentence = f"Audio may be lost after an RTP restart, for the build is unknown ({reason}): {REBUILD}."
    return Mend(MendState.UNKNOWN, sentence)

"""Writes the smallest ELF file that exports one function; it could not run, but it reads like one that could."""

import struct

from hotline.runtime.elf import EM_X86_64

_HEADER, _SECTION = 64, 64
_ADDRESS = 0x10000  # where the code would be loaded: not its place in the file, as in real programs


def elf_exporting(name: str, code: bytes, machine: int = EM_X86_64, before: bytes = b"\xcc" * 48) -> bytes:
    """An ELF file whose code section holds `before`, then the function `name` with `code`, then more padding."""
    text = before + code + b"\xcc" * 16
    strings = b"\0other\0" + name.encode() + b"\0"
    symbols = b"\0" * 24
    symbols += struct.pack("<IBBHQQ", 1, 0x12, 0, 1, _ADDRESS, len(before))
    symbols += struct.pack("<IBBHQQ", 7, 0x12, 0, 1, _ADDRESS + len(before), len(code))
    text_at = _HEADER
    symbols_at = text_at + len(text)
    strings_at = symbols_at + len(symbols)
    sections_at = strings_at + len(strings)

    def section(kind: int, address: int, offset: int, size: int, link: int = 0) -> bytes:
        return struct.pack("<IIQQQQIIQQ", 0, kind, 0, address, offset, size, link, 0, 0, 0)

    sections = section(0, 0, 0, 0)
    sections += section(1, _ADDRESS, text_at, len(text))
    sections += section(11, 0, symbols_at, len(symbols), link=3)
    sections += section(3, 0, strings_at, len(strings))
    header = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, sections_at, 0, _HEADER, 56, 0, _SECTION, 4, 3)
    return header + text + symbols + strings + sections

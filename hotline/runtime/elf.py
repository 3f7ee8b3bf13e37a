"""Reads the few facts the runtime needs from a 64-bit little-endian ELF file: its loader and its exported functions.

It never writes and never guesses: a file it does not understand is an `ElfError`. Layout: System V ABI, chapters 4, 5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

EM_X86_64 = 62
EM_AARCH64 = 183

_PT_INTERP = 3
_SHT_PROGBITS = 1
_SHT_DYNSYM = 11
_SYMBOL_SIZE = 24


class ElfError(ValueError):
    """The file is not an ELF file of the kind read here, or does not hold what was asked for."""


class Section(NamedTuple):
    """The fields of a section header used here; addresses and sizes in bytes."""

    kind: int
    address: int
    offset: int
    size: int
    link: int


class Elf:
    """A read-only view of an ELF file's bytes."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 64 or data[:4] != b"\x7fELF":
            raise ElfError("not an ELF file")
        if data[4] != 2 or data[5] != 1:
            raise ElfError("not a 64-bit little-endian ELF file")
        self._data = data
        self.machine: int = struct.unpack_from("<H", data, 18)[0]

    def interpreter(self) -> str:
        """The loader the program asks for, e.g. `/lib64/ld-linux-x86-64.so.2`."""
        (start,) = struct.unpack_from("<Q", self._data, 32)
        size, count = struct.unpack_from("<HH", self._data, 54)
        for header in range(start, start + size * count, size):
            kind, _, offset, _, _, length = self._unpack("<IIQQQQ", header)
            if kind == _PT_INTERP:
                return self._data[offset : offset + length].rstrip(b"\0").decode()
        raise ElfError("the program names no loader")

    def function(self, name: str) -> tuple[int, int]:
        """File offset and size in bytes of an exported function, by the dynamic symbol table."""
        sections = list(self._sections())
        for table in (section for section in sections if section.kind == _SHT_DYNSYM):
            if table.link >= len(sections):
                raise ElfError("the symbol table names no string table")
            strings = sections[table.link].offset
            for entry in range(table.offset, table.offset + table.size, _SYMBOL_SIZE):
                name_at, _, _, _, address, size = self._unpack("<IBBHQQ", entry)
                if size and self._string(strings + name_at) == name:
                    return self._file_offset(sections, address, size), size
        raise ElfError(f"exports no function {name}")

    def _sections(self) -> Iterator[Section]:
        (start,) = struct.unpack_from("<Q", self._data, 40)
        size, count = struct.unpack_from("<HH", self._data, 58)
        for header in range(start, start + size * count, size):
            _, kind, _, address, offset, length, link = self._unpack("<IIQQQQI", header)
            yield Section(kind, address, offset, length, link)

    def _file_offset(self, sections: list[Section], address: int, size: int) -> int:
        for section in sections:
            inside = section.address <= address and address + size <= section.address + section.size
            if section.kind == _SHT_PROGBITS and inside:
                return address - section.address + section.offset
        raise ElfError("an exported function lies outside the program's code")

    def _string(self, at: int) -> str:
        end = self._data.find(b"\0", at)
        return self._data[at:end].decode(errors="replace") if end >= 0 else ""

    def _unpack(self, layout: str, at: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(layout, self._data, at)
        except struct.error:
            raise ElfError("the file ends before its tables do") from None

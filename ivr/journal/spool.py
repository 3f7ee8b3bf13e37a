"""The journal's own file for the time in which the database cannot be reached.

Plain blocking code for one thread of its own; it knows no event loop and no database.
"""

import fcntl
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

import msgspec
import structlog

from ivr.call import CallClosed
from ivr.journal.entries import EntryRecord, JournalError, Record, RulesRecord
from ivr.journal.store import TOUCHING

log = structlog.get_logger(__name__)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_CLOSED = CallClosed.__struct_config__.tag
_CHECKSUM = 9  # eight hexadecimal digits and a blank


class SpoolInUse(JournalError):
    """Another live process writes this spool: two workers were started with one name."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process; give each worker its own name")


class Spool:
    """An append-only file of records, one line each: CRC-32 in hexadecimal, a blank, the record as a JSON array.

    Opening it cuts off a torn last line (the process died while writing it, so nobody was told that it is kept).
    Lines damaged otherwise are copied to ``<name>.damaged`` and left out. All methods block.
    Raises `SpoolInUse` when another process has it open, `OSError` when the folder cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0  # records that are not drained
        self.oldest: float | None = None  # UNIX seconds of the first of them
        self._size = 0
        self._drained = 0
        self._places: dict[str, array[int]] = {}  # call -> offsets of its lines
        self._versions: dict[str, int] = {}  # version of rules -> offset
        self._open: dict[str, bool] = {}  # calls which began, resumed or ended here -> still open
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise SpoolInUse(path) from None
        _sync_folder(path.parent)
        self._recover()

    def append(self, records: Sequence[Record]) -> None:
        """Returns when the records are on the disk. Raises `OSError`, and then none of them is kept."""
        lines = [_line(record) for record in records]
        try:
            _write_all(self._fd, b"".join(lines))
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        for record, line in zip(records, lines, strict=True):
            self._index(record, self._size)
            self._size += len(line)

    def read(self, limit: int) -> tuple[list[Record], int]:
        """The next records to drain, at most ``limit``, and the mark for `drained`."""
        records: list[Record] = []
        mark = self._drained
        for offset, line in self._lines(self._drained):
            record = _parse(line)
            if record is not None:
                records.append(record)
            mark = offset + len(line)
            if len(records) == limit:
                break
        return records, mark

    def drained(self, count: int, mark: int) -> None:
        """The ``count`` records up to ``mark`` are in the database. After a crash they will be drained again."""
        self._drained = mark
        self.count -= count
        if self._drained >= self._size:
            os.ftruncate(self._fd, 0)
            self._size = self._drained = self.count = 0
            self.oldest = None
            self._places.clear()
            self._versions.clear()
            self._open.clear()
        else:
            first, _ = self.read(1)
            self.oldest = _time(first[0]) if first else None

    def entries(self, call: str) -> list[EntryRecord]:
        """The entries of one call in the order of their writing, drained ones perhaps included."""
        found = (self._record_at(offset) for offset in self._places.get(call, ()))
        return [record for record in found if isinstance(record, EntryRecord)]

    def rules(self, version: str) -> bytes | None:
        offset = self._versions.get(version)
        record = None if offset is None else self._record_at(offset)
        return record.body.encode() if isinstance(record, RulesRecord) else None

    def calls(self) -> dict[str, bool]:
        """Calls which began, were resumed or ended here; the value tells whether they are still open."""
        return dict(self._open)

    def set_aside(self, records: Sequence[Record]) -> None:
        """Keep records which the database will never take in ``<name>.rejected``, for people to look at."""
        self._keep_apart("rejected", b"".join(map(_line, records)))

    def close(self) -> None:
        os.close(self._fd)

    def _recover(self) -> None:
        """Index what an earlier process left, and find the end of what it finished."""
        damaged: list[tuple[int, bytes]] = []
        end = 0
        self._size = os.fstat(self._fd).st_size
        for offset, line in self._lines(0):
            record = _parse(line)
            if record is None:
                damaged.append((offset, line))
                continue
            self._index(record, offset)
            end = offset + len(line)
        torn = self._size - end
        self._size = end
        if torn:
            os.ftruncate(self._fd, end)
            os.fsync(self._fd)
            log.warning("journal.spool_torn", spool=self.path.name, bytes=torn)
        inside = [line for offset, line in damaged if offset < end]
        if inside:
            self._keep_apart("damaged", b"".join(inside))
            log.error("journal.spool_damaged", spool=self.path.name, lines=len(inside))

    def _index(self, record: Record, offset: int) -> None:
        self.count += 1
        if self.oldest is None:
            self.oldest = _time(record)
        if isinstance(record, RulesRecord):
            self._versions[record.version] = offset
            return
        self._places.setdefault(record.call, array("Q")).append(offset)
        if record.kind in TOUCHING:
            self._open[record.call] = record.kind != _CLOSED

    def _lines(self, offset: int, ahead: int = 1 << 18) -> Iterator[tuple[int, bytes]]:
        """Lines with their offsets, reading ``ahead`` bytes at a time; the last one may lack its end."""
        rest = b""
        while offset + len(rest) < self._size and (more := os.pread(self._fd, ahead, offset + len(rest))):
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                yield offset, line + b"\n"
                offset += len(line) + 1
        if rest:
            yield offset, rest

    def _record_at(self, offset: int) -> Record | None:
        return next((_parse(line) for _, line in self._lines(offset, ahead=4096)), None)

    def _keep_apart(self, suffix: str, content: bytes) -> None:
        path = self.path.with_suffix(f".{suffix}")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write_all(fd, content)
            os.fsync(fd)
        finally:
            os.close(fd)


def _line(record: Record) -> bytes:
    body = _encoder.encode(record)
    return b"%08x %s\n" % (crc32(body), body)


def _parse(line: bytes) -> Record | None:
    """The record of a line, or None when the line is not as it was written."""
    body = line[_CHECKSUM:-1]
    if not line.endswith(b"\n") or line[:_CHECKSUM] != b"%08x " % crc32(body):
        return None
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError:
        return None


def _time(record: Record) -> float:
    return record.at if isinstance(record, EntryRecord) else record.first_used


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

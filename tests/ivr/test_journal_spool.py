"""The spool file: whatever a crash leaves of it, everything that was acknowledged is read again."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.call import CallClosed, Outcome
from ivr.journal import Entry, SpoolInUse
from ivr.journal.entries import EntryRecord, Record, RulesRecord, encode
from ivr.journal.spool import Spool
from tests.ivr.test_journal import arrived, digit

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
entries = st.builds(
    EntryRecord,
    call=st.sampled_from(["a", "b", "市长"]),
    seq=st.integers(1, 2**31 - 1),
    at=st.floats(allow_nan=False, allow_infinity=False),
    kind=text,
    payload=text,
)
records = st.one_of(entries, st.builds(RulesRecord, version=text, body=text, first_used=st.floats(0, 2e9)))
batches = st.lists(st.lists(records, min_size=1, max_size=5), max_size=6)


def everything(spool: Spool) -> list[Record]:
    found, _ = spool.read(10**6)
    return found


@given(batches)
def test_what_was_appended_is_there_after_a_restart(given_batches: list[list[Record]]) -> None:
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder, "w1.spool"))
        for batch in given_batches:
            spool.append(batch)
        spool.close()
        spool = Spool(Path(folder, "w1.spool"))
        wanted = [record for batch in given_batches for record in batch]
        assert everything(spool) == wanted
        assert spool.count == len(wanted)
        for call in ("a", "b", "市长"):
            assert spool.entries(call) == [r for r in wanted if isinstance(r, EntryRecord) and r.call == call]
        spool.close()


@given(batches.filter(bool), st.data())
def test_given_the_file_ends_anywhere_then_whole_records_stay_and_new_ones_follow(
    given_batches: list[list[Record]], data: st.DataObject
) -> None:
    """What a kill or a power cut in the middle of a write leaves: a beginning, perhaps filled up with zeros."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "w1.spool")
        spool = Spool(path)
        ends = [0]
        for record in (record for batch in given_batches for record in batch):
            spool.append([record])
            ends.append(path.stat().st_size)
        spool.close()
        end = data.draw(st.integers(0, ends[-1]))
        zeros = data.draw(st.sampled_from([0, 1, 4096]))
        path.write_bytes(path.read_bytes()[:end] + bytes(zeros))

        wanted = [record for batch in given_batches for record in batch][: sum(mark <= end for mark in ends) - 1]
        spool = Spool(path)
        assert everything(spool) == wanted
        more = encode(Entry("new", 1, digit()))
        spool.append([more])
        spool.close()
        spool = Spool(path)
        assert everything(spool) == [*wanted, more]
        assert not path.with_suffix(".damaged").exists()
        spool.close()


def test_given_a_damaged_line_in_the_middle_then_the_others_stay_and_it_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "w1.spool"
    spool = Spool(path)
    spool.append([encode(Entry("a", seq, digit())) for seq in (1, 2, 3)])
    spool.close()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"a"', b'"x"')
    path.write_bytes(b"".join(lines))
    spool = Spool(path)
    assert [record.seq for record in spool.entries("a")] == [1, 3]
    assert spool.entries("x") == []
    assert path.with_suffix(".damaged").read_bytes() == lines[1]
    found, mark = spool.read(10)
    assert len(found) == 2
    spool.drained(2, mark)
    assert (spool.count, path.stat().st_size) == (0, 0)
    spool.close()


def test_given_a_write_that_fails_then_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "w1.spool")
    first, second, third = (encode(Entry("a", seq, digit())) for seq in (1, 2, 3))
    spool.append([first])

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("ivr.journal.spool.os.fdatasync", no_space)
        with pytest.raises(OSError, match="No space"):
            spool.append([second])
    spool.append([third])
    assert everything(spool) == [first, third]
    spool.close()


def test_draining_in_parts_empties_the_file_at_the_end_only(tmp_path: Path) -> None:
    path = tmp_path / "w1.spool"
    spool = Spool(path)
    spool.append([encode(Entry("a", seq, digit(float(seq)))) for seq in range(1, 8)])
    read: list[int] = []
    while spool.count:
        assert spool.oldest == len(read) + 1
        found, mark = spool.read(3)
        read += [record.seq for record in found if isinstance(record, EntryRecord)]
        spool.drained(len(found), mark)
    assert read == [1, 2, 3, 4, 5, 6, 7]
    assert (path.stat().st_size, spool.oldest, spool.entries("a")) == (0, None, [])
    spool.append([encode(Entry("b", 1, digit()))])
    assert len(everything(spool)) == 1
    spool.close()


def test_the_spool_knows_which_calls_are_open(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "w1.spool")
    ended = CallClosed(at=3.0, outcome=Outcome.ABANDONED)
    spool.append([encode(Entry("a", 1, arrived("a"))), encode(Entry("b", 7, ended)), encode(Entry("c", 2, digit()))])
    assert spool.calls() == {"a": True, "b": False}
    spool.append([encode(Entry("a", 2, ended))])
    assert spool.calls() == {"a": False, "b": False}
    spool.close()


def test_two_processes_cannot_write_one_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "w1.spool")
    with pytest.raises(SpoolInUse):
        Spool(tmp_path / "w1.spool")
    spool.close()
    Spool(tmp_path / "w1.spool").close()

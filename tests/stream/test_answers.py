"""A broker's answers: taken over as they are, unless a batch is not what it was when it was sent."""

from __future__ import annotations

from collections.abc import Sequence

import aiokafka.consumer.fetcher
import google_crc32c
import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from andon.stream.answers import CheckedBatches, check_by_instruction

Values = Sequence[bytes]
values = st.lists(st.binary(max_size=30), min_size=1, max_size=5)


def batch(values: Values) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 100_000)
    for offset, value in enumerate(values):
        assert builder.append(offset, timestamp=1, key=None, value=value, headers=[("a", b"b")])
    return bytes(builder.build())


def read(batches: CheckedBatches | MemoryRecords) -> list[bytes]:
    found = []
    while batches.has_next():
        found += [record.value for record in batches.next_batch()]
    assert batches.next_batch() is None
    return found


def test_the_processors_own_instruction_is_used_here() -> None:
    assert google_crc32c.implementation == "c"
    assert check_by_instruction()
    assert aiokafka.consumer.fetcher.MemoryRecords is CheckedBatches


@given(st.lists(values, min_size=1, max_size=4), st.integers(0, 40))
def test_whole_batches_are_read_as_aiokafka_reads_them(batches: list[Values], torn: int) -> None:
    """An answer may end in the middle of a batch, which comes whole with the next one."""
    content = b"".join(map(batch, batches)) + batch([b"more"])[:torn]
    assert read(CheckedBatches(content)) == read(MemoryRecords(content)) == [each for one in batches for each in one]
    assert CheckedBatches(content).size_in_bytes() == len(content)


@given(st.lists(values, min_size=1, max_size=3), values, st.data())
def test_a_batch_that_has_changed_since_is_refused(before: list[Values], broken: Values, data: st.DataObject) -> None:
    content = batch(broken)
    place = data.draw(st.integers(17, len(content) - 1), label="from the checksum on")
    changed = bytearray(content)
    changed[place] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    under_test = CheckedBatches(b"".join(map(batch, before)) + bytes(changed))
    for _ in before:
        under_test.next_batch()
    with pytest.raises(CorruptRecordException, match="checksum"):
        under_test.next_batch()

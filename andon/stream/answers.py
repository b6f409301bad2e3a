"""What a broker answers to fetches, without what aiokafka does to each record and batches do not need.

aiokafka makes a `ConsumerRecord` of each record that it has parsed, which takes as long as to parse it, and makes the
checksum of each batch from tables, which takes half as long; the processor's own instruction takes a tenth of that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import aiokafka.consumer.fetcher
import google_crc32c
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from faust.types import TP

#: Where a batch of records (Kafka's format 2) has its length, counted from behind it; its format; its checksum; and
#: from where on that covers it.
_LENGTH, _FORMAT, _CHECKSUM, _COVERED = slice(8, 12), 16, slice(17, 21), 21


class Answers(OrderedDict[TP, Any]):
    """Answers that wait to be polled; the records of one topic stay as aiokafka's parser makes them.

    They have all that a stage needs.
    """

    def __init__(self, topic: str, answers: Mapping[TP, Any]) -> None:
        super().__init__()
        self._topic = topic
        self.update(answers)

    def __setitem__(self, where: TP, answer: Any) -> None:
        if where.topic == self._topic and isinstance(answer, FetchResult) and answer.has_more():
            answer._partition_records._consumer_record = _as_parsed
        super().__setitem__(where, answer)


def _as_parsed(_: TP, record: Any) -> Any:
    return record


class CheckedBatches:
    """The batches of one answer about one partition, each checked when it is taken; it is asked as aiokafka's own is.

    Args:
        content: what the broker has answered.
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._batches = content, MemoryRecords(content)
        self._end = 0

    def has_next(self) -> bool:
        """Return whether there is another batch."""
        more: bool = self._batches.has_next()
        return more

    def size_in_bytes(self) -> int:
        """Return how long the answer is."""
        return len(self._content)

    def next_batch(self) -> Any:
        """Return the next batch; None when there is none.

        Raises:
            CorruptRecordException: its checksum is another than that of what it holds.
        """
        batch = self._batches.next_batch()
        if batch is not None and not self._is_whole(batch):
            raise CorruptRecordException("a batch of records does not have the checksum that it states")
        return batch

    def _is_whole(self, batch: Any) -> bool:
        header = self._content[self._end : self._end + _COVERED]
        start, self._end = self._end, self._end + _LENGTH.stop + int.from_bytes(header[_LENGTH])
        if header[_FORMAT] < 2:  # of brokers older than Kafka 0.11
            whole: bool = batch.validate_crc()
            return whole
        covered = self._content[start + _COVERED : self._end]
        return bool(google_crc32c.value(covered) == int.from_bytes(header[_CHECKSUM]))


def keep_as_parsed(consumer: Any, topic: str) -> None:
    """Have a consumer keep the records of a topic as they are parsed."""
    fetcher = consumer._fetcher
    if not isinstance(fetcher._records, Answers):
        fetcher._records = Answers(topic, fetcher._records)


def check_by_instruction() -> bool:
    """Have all batches that are fetched from now on be checked so; return whether they are, and need no other check."""
    if google_crc32c.implementation != "c":  # then aiokafka's check is the faster one
        return False
    aiokafka.consumer.fetcher.MemoryRecords = CheckedBatches  # aiokafka looks it up by this name for each answer
    return True

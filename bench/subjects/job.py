"""What the peers of `bench.peers` are asked to do, the same for all of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from andon.plant.load import load_plant
from andon.settings import KafkaSettings, Settings, read_settings
from andon.stream.topics import topic_name
from andon.uns import Stage

#: The model of the job `score`, in the peer's folder.
MODEL_FILE = "model.onnx"


class Job(StrEnum):
    """A job of three.

    What comes out has the asset as its key. ``pass``: the frame. ``window``: `start` (microseconds UTC) and `features`
    of each whole second. ``score``: `start` and `score`.
    """

    PASS = "pass"
    """Frames as they are, decoded and encoded."""
    WINDOW = "window"
    """Mean, std, min and max of eight tags in tumbling windows of a second of event time."""
    SCORE = "score"
    """The same windows, scored by an ONNX graph."""

    @property
    def input(self) -> Stage:
        """Stage whose topic is read."""
        return Stage.RAW if self is Job.PASS else Stage.CONTEXT


@dataclass(frozen=True, slots=True)
class Order:
    """A job, and all that is needed to do it.

    Attributes:
        job: what to do.
        kafka: how to reach the broker; waits are set for its sake, and are the same for all peers.
        source: the input topic.
        output: the output topic.
        folder: where the model is, and where state on disk may go.
    """

    job: Job
    kafka: KafkaSettings
    source: str
    output: str
    folder: Path

    @property
    def model(self) -> bytes:
        """The graph of the job `score`."""
        return (self.folder / MODEL_FILE).read_bytes()

    @property
    def session_ms(self) -> int:
        """Milliseconds of silence after which a member has left its group; its joins wait for half of this."""
        return self.kafka.session_timeout // 1_000

    @property
    def fetch_wait_ms(self) -> int:
        """Milliseconds that a fetch waits; the embedded broker looks for new records every half of this."""
        return self.kafka.fetch_max_wait // 1_000


def read_order() -> Order:
    """Read settings, and take JOB, OUTPUT and FOLDER off the command line."""
    (job, output, folder), sys.argv[1:] = sys.argv[1:], []
    settings = read_settings(Settings)
    plant = load_plant(settings.plant)
    return Order(Job(job), settings.kafka, topic_name(plant, Job(job).input), output, Path(folder))

"""Who is compared: how each is started for a job, and where its results go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from andon.plant import Plant
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.frames import RATE_HZ
from bench.model import served_from
from bench.subjects.job import Job

#: Frames that one result stands for.
FRAMES: Mapping[Job, int] = {Job.PASS: 1, Job.WINDOW: RATE_HZ, Job.SCORE: RATE_HZ}
#: Andon's services for each job, and the stage that the last of them writes.
_ANDON: Mapping[Job, tuple[tuple[str, ...], Stage]] = {
    Job.PASS: (("bench.subjects.batch_pass",), Stage.CONTEXT),
    Job.WINDOW: (("services.feature",), Stage.FEATURE),
    Job.SCORE: (("services.feature", "services.inference"), Stage.INFERENCE),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A process: a module, its arguments and variables of its environment."""

    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """One of those compared.

    Attributes:
        name: as tables call it.
        backlog: frames of a whole run's backlog for each job: some seconds' work.
        commands: processes for a job (plant, job, folder).
        output: topic of a job's results.
        quick: jobs that are measured in the quick form, too.
        bare: whether it is no system but a limit.
    """

    name: str
    backlog: Mapping[Job, int]
    commands: Callable[[Job, Path], tuple[Command, ...]]
    output: Callable[[Plant, Job], str]
    quick: tuple[Job, ...] = tuple(Job)
    bare: bool = False


def _subject(module: str, name: str) -> tuple[Callable[[Job, Path], tuple[Command, ...]], Callable[[Plant, Job], str]]:
    def output(_: Plant, job: Job) -> str:
        return f"bench.{name}-{job}"

    def commands(job: Job, folder: Path) -> tuple[Command, ...]:
        return (Command(f"bench.subjects.{module}", (job, f"bench.{name}-{job}", str(folder))),)

    return commands, output


def _services(job: Job, folder: Path) -> tuple[Command, ...]:
    return tuple(Command(module, environment=served_from(folder / "bundles")) for module in _ANDON[job][0])


def _stage_topic(plant: Plant, job: Job) -> str:
    return topic_name(plant, _ANDON[job][1])


def _sizes(passed: int, windowed: int, scored: int) -> dict[Job, int]:
    return {Job.PASS: passed, Job.WINDOW: windowed, Job.SCORE: scored}


ANDON, QUIX, FAUST = "Andon", "Quix Streams", "Faust"
#: The slowest first: a topic grows from peer to peer, and each reads it from its beginning.
PEERS = (
    Peer(FAUST, _sizes(10_000, 6_000, 6_000), *_subject("faust_plain", "faust"), quick=()),
    Peer(QUIX, _sizes(240_000, 100_000, 100_000), *_subject("quix_streams", "quix")),
    Peer(
        "bare loop, aiokafka",
        _sizes(400_000, 300_000, 300_000),
        *_subject("bare_aiokafka", "aiokafka"),
        quick=(Job.PASS,),
        bare=True,
    ),
    Peer(
        "bare loop, confluent-kafka",
        _sizes(500_000, 300_000, 300_000),
        *_subject("bare_confluent", "confluent"),
        quick=(Job.PASS,),
        bare=True,
    ),
    Peer(ANDON, _sizes(500_000, 400_000, 300_000), _services, _stage_topic),
)

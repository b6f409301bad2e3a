"""`bench.scale`'s figures as tables, for the terminal and for docs/sizing.md; the arithmetic's result, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import BaseModel

from andon.settings import KafkaSettings
from bench.chained import STAGES as CHAIN
from bench.common import BenchError, table
from bench.scale_assets import Case, Scrape
from bench.scale_storage import Storage
from bench.scale_workers import PARTITIONS, Sharing
from bench.sizing import MEASURED, STAGES, Company, Factors, Size, size

_BEGIN, _END = "<!-- written by python -m bench.scale --write -->\n", "<!-- end of what is written -->\n"
_MIB, _GB, _TB = 2**20, 1e9, 1e12
#: What the worked example sizes, beside the defaults.
EXAMPLES = (
    Company(assets=200, tags=8),
    Company(),
    Company(assets=5_000, tags=32),
    Company(assets=1_000, tags=128, hz=10),
)


class Measured(BaseModel):
    """All that one run has measured.

    Attributes:
        machine: on which.
        frames_per_window: of assets, tags and storage.
        sharing: by number of workers.
        assets: by number of machines, 8 tags each.
        tags: by number of tags.
        scrapes: by number of machines.
        storage: of the chain's topics.
    """

    machine: str
    frames_per_window: int
    sharing: list[Sharing]
    assets: list[Case]
    tags: list[Case]
    scrapes: list[Scrape]
    storage: Storage

    def factors(self) -> Factors:
        """Return what the arithmetic needs of it.

        Raises:
            BenchError: only one number of tags was measured, which does not say how cost grows.
        """
        if len(self.tags) < 2:
            raise BenchError(
                "a company is sized by costs at several numbers of tags; run `python -m bench.scale` in full"
            )
        storage, per_window = self.storage, self.frames_per_window
        cpu = {name: [(float(case.tags), case.cpu_us[name]) for case in self.tags] for name in CHAIN}
        for name in ("inference", "alert"):
            cpu[name] = [(tags, us * per_window) for tags, us in cpu[name]]
        # The historian's cost is that of values: a line through nothing and what was measured.
        cpu["historian"] = [(0.0, 0.0), (float(storage.tags), storage.historian_cpu_us)]
        memory = {
            name: [(float(case.assets), float(case.resident_bytes[name])) for case in self.assets] for name in CHAIN
        }
        memory["historian"] = [(0.0, float(storage.historian_bytes))]
        return Factors(
            frames_per_window=per_window,
            cpu_us=cpu,
            memory_bytes=memory,
            kafka_bytes=_a_value(storage.kafka, storage.tags, per_window),
            database_bytes=_a_value(storage.database, storage.tags, per_window),
            lake_bytes=storage.lake / storage.tags,
        )


def _a_value(a_frame: dict[str, float], tags: int, per_window: int) -> dict[str, float]:
    """Return bytes a value of raw and context, bytes a tag and window of the others."""
    return {
        stage: size / tags * (per_window if stage in ("feature", "inference") else 1) for stage, size in a_frame.items()
    }


@dataclass(frozen=True, slots=True)
class Section:
    """One table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return it as it stands in the documentation."""
        head = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)]]
        return f"**{self.title}**\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in [*head, *self.rows])


def sections(measured: Measured) -> Iterator[Section]:
    """Yield the tables of a run."""
    if measured.sharing:
        yield _workers(measured.sharing)
    yield _rates("machines", measured.assets, lambda case: case.assets)
    yield _memory(measured.assets)
    yield _starts(measured.assets)
    yield _scrapes(measured.scrapes)
    yield _rates("tags", measured.tags, lambda case: case.tags)
    yield _stored(measured.storage, measured.frames_per_window)


def example(measured: Measured) -> Section:
    """Return the companies of the documentation, sized by a run's factors.

    Raises:
        BenchError: see `Measured.factors`.
    """
    return Section("Companies of 100 plants", *company_rows(EXAMPLES, measured.factors()))


def show(measured: Measured) -> None:
    """Print what was measured."""
    for section in sections(measured):
        table(section.title, section.columns, section.rows)


def print_rows(made: tuple[Sequence[str], Sequence[Sequence[str]]]) -> None:
    """Print a table of `company_rows`."""
    table("What it needs", *made)


def page(text: str, measured: Measured) -> str:
    """Return the text of docs/sizing.md with the tables of a run in their two places.

    Raises:
        ValueError: the text has not two places.
    """
    parts = [
        f"Measured on {measured.machine}.\n\n" + "\n".join(section.markdown() for section in sections(measured)),
        example(measured).markdown(),
    ]
    return _filled(text, parts)


def page_without_figures(text: str) -> str:
    """Return the text of docs/sizing.md as it is before anything was measured."""
    return _filled(text, ["", ""])


def _filled(text: str, parts: Sequence[str]) -> str:
    if text.count(_BEGIN) != text.count(_END) or text.count(_BEGIN) != len(parts):
        raise ValueError(f"the page must hold {_BEGIN!r} and {_END!r} twice")
    before, *rest = text.split(_BEGIN)
    return before + "".join(_BEGIN + part + _END + old.split(_END)[1] for part, old in zip(parts, rest, strict=True))


def read_measured() -> Measured:
    """Return what the documentation shows.

    Raises:
        BenchError: nothing has been measured and written.
    """
    if not MEASURED.exists():
        raise BenchError("nothing has been measured yet; run `python -m bench.scale --write`")
    return Measured.model_validate_json(MEASURED.read_bytes())


def _workers(sharing: Iterable[Sharing]) -> Section:
    return Section(
        f"Feature workers that share a topic of {PARTITIONS} partitions, on two cores with the broker",
        ("workers", "frames/s in all", "CPU us/frame", "one more joins, s", "it leaves, s", "one is killed, s"),
        [
            (
                str(each.workers),
                f"{each.frames_per_s:,.0f}",
                f"{each.cpu_us:.1f}",
                *(
                    "" if seconds is None else f"{seconds:.1f}"
                    for seconds in (each.joined_s, each.left_s, each.killed_s)
                ),
            )
            for each in sharing
        ],
    )


def _rates(name: str, cases: Iterable[Case], of: Callable[[Case], int]) -> Section:
    return Section(
        f"Raw frame to alert by {name}: rate of all four services, and processor time in us a frame",
        (name, "frames", "frames/s", "values/s", *CHAIN, "all", "all, a value"),
        [
            (
                f"{of(case):,}",
                f"{case.frames:,}",
                f"{case.frames_per_s:,.0f}",
                f"{case.frames_per_s * case.tags:,.0f}",
                *(f"{case.cpu_us[service]:.1f}" for service in CHAIN),
                f"{sum(case.cpu_us.values()):.1f}",
                f"{sum(case.cpu_us.values()) / case.tags:.2f}",
            )
            for case in cases
        ],
    )


def _memory(cases: Sequence[Case]) -> Section:
    grown = [None, *pairwise(cases)]
    return Section(
        "Resident MiB when ready and when all is worked off, and KiB that each further machine adds to the latter",
        ("machines", *CHAIN, *(f"{name}, KiB a machine" for name in CHAIN)),
        [
            (
                f"{case.assets:,}",
                *(f"{case.ready_bytes[name] / _MIB:.0f}, {case.resident_bytes[name] / _MIB:.0f}" for name in CHAIN),
                *(_per_machine(pair, name) for name in CHAIN),
            )
            for case, pair in zip(cases, grown, strict=True)
        ],
    )


def _per_machine(pair: tuple[Case, Case] | None, name: str) -> str:
    if pair is None:
        return ""
    fewer, more = pair
    added = more.resident_bytes[name] - fewer.resident_bytes[name]
    return f"{added / (more.assets - fewer.assets) / 1024:.1f}"


def _starts(cases: Iterable[Case]) -> Section:
    return Section(
        "Seconds from a process's start until it is ready (its processor time), and until a feature service that takes "
        "over from a killed one has recovered and worked off what waited",
        ("machines", "plant.yaml, kB", *CHAIN, "feature recovered"),
        [
            (
                f"{case.assets:,}",
                f"{case.plant_bytes / 1000:,.0f}",
                *(f"{case.ready_s[name]:.1f} ({case.ready_cpu_s[name]:.1f})" for name in CHAIN),
                f"{case.recovered_s:.1f}",
            )
            for case in cases
        ],
    )


def _scrapes(scrapes: Iterable[Scrape]) -> Section:
    return Section(
        "One answer of ingest to Prometheus, with two counters of each machine",
        ("machines", "MB", "processor time, s"),
        [(f"{each.assets:,}", f"{each.size_bytes / 1e6:.2f}", f"{each.cpu_s:.3f}") for each in scrapes],
    )


def _stored(storage: Storage, per_window: int) -> Section:
    stores = (storage.kafka, storage.kafka_gzip, storage.database)
    each = [_a_value(store, storage.tags, per_window) for store in stores]
    lake = f"{storage.lake / storage.tags:.1f}"
    return Section(
        f"Bytes a value (raw, context) or a tag and window (feature, inference), of frames with {storage.tags} tags",
        (
            "stage",
            "Kafka, a copy",
            "the same, gzip",
            "PostgreSQL with indexes",
            "Parquet",
            "tags that fit into a record",
        ),
        [
            (
                stage.value,
                *(f"{store[stage.value]:.1f}" for store in each),
                lake if stage == "raw" else "",
                f"{KafkaSettings().max_batch_bytes / each[0][stage.value]:,.0f}",
            )
            for stage in STAGES
        ],
    )


def company_rows(companies: Sequence[Company], factors: Factors) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return a table of companies, one a column: what is assumed, and what follows."""
    sizes = [size(company, factors) for company in companies]
    given: list[tuple[str, Callable[[Company], str]]] = [
        ("plants", lambda each: f"{each.plants:,}"),
        ("machines a plant", lambda each: f"{each.assets:,}"),
        ("tags a machine", lambda each: f"{each.tags:,}"),
        ("frames a machine and second", lambda each: f"{each.hz:g}"),
        ("window, s", lambda each: f"{each.window_s:g}"),
        ("head-room", lambda each: f"{each.head_room:g} x"),
        ("replication", lambda each: f"{each.replication}"),
    ]
    found: list[tuple[str, Callable[[Size], str]]] = [
        ("frames/s, all plants", lambda each: f"{each.frames_per_s:,.0f}"),
        ("values/s, all plants", lambda each: f"{each.values_per_s:,.0f}"),
        *((f"cores for {name}, a plant", lambda each, name=name: f"{each.cores[name]:.2f}") for name in sizes[0].cores),
        ("cores, a plant", lambda each: f"{each.all_cores:.1f}"),
        ("workers, a plant", lambda each: f"{sum(each.workers.values()):,}"),
        ("memory of them, a plant, GiB", lambda each: f"{sum(each.memory_bytes.values()) / 2**30:.1f}"),
        ("partitions of a topic", lambda each: f"{each.partitions}"),
        ("cores, all plants", lambda each: f"{each.all_cores * each.plants:,.0f}"),
        ("into Kafka, MB/s", lambda each: f"{each.kafka_in_bytes_per_s / 1e6:,.1f}"),
        ("out of Kafka to services, MB/s", lambda each: f"{each.kafka_out_bytes_per_s / 1e6:,.1f}"),
        ("brokers", lambda each: f"{each.brokers:,}"),
        ("Kafka's disks, all copies, TB", lambda each: f"{each.kafka_bytes / _TB:,.1f}"),
        ("PostgreSQL after a year, TB", lambda each: f"{each.database_bytes_a_year / _TB:,.1f}"),
        ("Parquet a year, TB", lambda each: f"{each.lake_bytes_a_year / _TB:,.1f}"),
    ]
    rows = [(name, *(show(each) for each in companies)) for name, show in given]
    rows += [(name, *(show(each) for each in sizes)) for name, show in found]
    return ("", *(f"example {number}" for number in range(1, len(companies) + 1))), rows

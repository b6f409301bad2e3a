"""Every frame gets the facts that are valid at its event time, however frames come and news break in."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import MachineState
from andon.plant import Plant
from andon.production import ContextJoin, Fact, Knowledge
from andon.production.facts import Kind
from andon.production.join import Joined
from andon.production.states import StateRules

DAY = 86_400_000_000
T0 = 20_000 * DAY
ASSETS = ("area/line/pump-0", "area/line/pump-1", "area/pump-2")
RULES = [
    {"state": "running", "when": {"speed": {"above": 100}, "mode": {"equal": "auto"}}},
    {"state": "planned_stop", "given": {"maintenance": True}},
    {"state": "idle", "when": {"speed": {"below": 1}}},
    {"state": "unplanned_stop", "given": {"order": True}},
]
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "pump": {
                "tags": {"speed": {}, "mode": {"kind": "state", "states": ["off", "auto"]}},
                "machine_states": RULES,
            }
        },
        "assets": {asset: {"class": "pump"} for asset in ASSETS},
        "shifts": [{"name": "day", "start": "08:00", "end": "16:00", "place": "area/line"}],
    }
)

facts = st.builds(
    lambda number, kind, start, length, place, revision: Fact(
        f"f{number}",
        revision,
        kind,
        place,
        f"{kind}-{number}",
        T0 + start * DAY // 4,
        None if length is None else T0 + (start + length) * DAY // 4,
        f"p{number}",
    ),
    number=st.integers(0, 6),
    kind=st.sampled_from(Kind),
    start=st.integers(-30, 60),
    length=st.none() | st.integers(0, 40),
    place=st.sampled_from(["", "area", "area/line", *ASSETS]),
    revision=st.integers(0, 2),
)
frames = st.lists(st.tuples(st.integers(0, 2), st.integers(-40 * 24, 60 * 24)), min_size=1, max_size=30)


def joined(join: ContextJoin, batch: list[tuple[int, int]]) -> list[tuple[str | None, ...]]:
    asset, time = np.array(batch).T
    return join.join(asset, T0 + time * (DAY // 24)).columns.rows()


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(st.lists(facts, max_size=3), frames), min_size=1, max_size=5))
def test_a_join_that_remembers_says_the_same_as_a_new_one(
    steps: list[tuple[list[Fact], list[tuple[int, int]]]],
) -> None:
    knowledge = Knowledge()
    join = ContextJoin(PLANT, knowledge)
    for news, batch in steps:
        for fact in news:
            join.invalidate(knowledge.tell(fact))
        assert joined(join, batch) == joined(ContextJoin(PLANT, knowledge), batch)


def test_a_frame_has_what_is_valid_at_its_time_and_nothing_else() -> None:
    knowledge = Knowledge()
    knowledge.load(
        [
            Fact("o", 0, Kind.ORDER, "area", "4711", T0, T0 + DAY, "steel", "r1"),
            Fact("b", 0, Kind.BATCH, ASSETS[0], "B1", T0 + DAY // 2, T0 + DAY, "brass"),
        ]
    )
    join = ContextJoin(PLANT, knowledge)
    at = join.join(
        join.numbers([ASSETS[0], ASSETS[0], ASSETS[2], ASSETS[0]]), np.array([T0, T0 + DAY // 2, T0, T0 + DAY])
    )
    columns = ("order", "batch", "product", "recipe", "shift")
    assert at.columns.select(columns).rows() == [
        ("4711", None, "steel", "r1", None),
        ("4711", "B1", "brass", "r1", "2024-10-04 day"),
        ("4711", None, "steel", "r1", None),
        (None, None, None, None, None),
    ]


class Given:
    """Samples of some frames; NaN is a sample that is not good."""

    def __init__(self, **samples: list[float]) -> None:
        self.samples = samples

    def good(self, tag: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array(self.samples[tag], np.float64)


def context(count: int, **columns: list[str | None]) -> Joined:
    names = ("order", "batch", "product", "recipe", "shift", "maintenance", "told_state")
    return Joined(
        pl.DataFrame(
            {name: columns.get(name, [None] * count) for name in names},
            schema_overrides=dict.fromkeys(names, pl.String),
        )
    )


def test_the_first_rule_that_fits_gives_the_state() -> None:
    nan = float("nan")
    samples = Given(speed=[500, 500, 0, 50, 50, nan, nan, 500], mode=[1, 0, 0, 1, 1, 1, 0, nan])
    here = context(
        8,
        order=[None, None, None, None, "4711", None, "4711", None],
        maintenance=[None, "oil", None, None, None, None, None, None],
        told_state=[None, None, None, None, None, None, None, None],
    )
    states = StateRules(PLANT.classes["pump"]).states(samples, here).to_list()
    assert states == ["running", "planned_stop", "idle", None, "unplanned_stop", None, None, None]


def test_a_state_that_is_told_goes_before_the_rules() -> None:
    here = context(2, told_state=["changeover", None])
    states = StateRules(PLANT.classes["pump"]).states(Given(speed=[500, 500], mode=[1, 1]), here)
    assert states.to_list() == [MachineState.CHANGEOVER, MachineState.RUNNING]

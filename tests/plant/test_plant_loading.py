"""plant.yaml: what is right loads, and all that is wrong is said at once, with its line."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from andon.errors import PlantError
from andon.features.kinds import KINDS, Spectral
from andon.plant import Plant, load_plant
from andon.plant.schema import plant_schema, schema_at
from andon.plant.source import MAX_BYTES, SourceError, read_source

GOOD = """\
enterprise: acme
site: north
classes:
  pump:
    scan: 500ms
    tags:
      flow: {unit: m**3/h, source_unit: l/s, range: [0, 250], limits: {low: 20, high: 200}}
      mode: {kind: state, states: [off, on, no, 1e3x, 12:30]}
    messages:
      - {tag: flow, text: "{asset}"}
assets:
  water/line-1/pump-1: {class: pump}
use_cases:
  - {name: water, asset_class: pump, owner: us, kpi: stops, baseline: 3, target: 1e0, unit: a month}
"""


Check = Callable[[str], list[str]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Load a text; return its findings without the file's name."""

    def load(text: str) -> list[str]:
        file = tmp_path / "plant.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            load_plant(file)
        except PlantError as error:
            return [line.removeprefix(f"{file}:") for line in str(error).splitlines()]
        return []

    return load


def test_a_good_file_loads(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(GOOD)
    plant = load_plant(file)
    assert plant.classes["pump"].scan == 500_000
    assert plant.class_of("water/line-1/pump-1") == "pump"
    assert plant.use_cases[0].target == 1
    assert plant == Plant.model_validate(yaml.load(GOOD, Loader=yaml.BaseLoader))


def test_words_that_yaml_1_1_takes_for_booleans_and_times_are_states(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(GOOD)
    assert load_plant(file).classes["pump"].tags["mode"].states == ("off", "on", "no", "1e3x", "12:30")


def test_all_findings_are_shown_at_once_in_the_order_of_the_file(check: Check) -> None:
    text = GOOD.replace("acme", "Acme").replace("range: [0, 250]", "rnage: [0, 250]")
    text = text.replace("tag: flow", "tag: flwo").replace("{class: pump}", "{class: pmup}")
    text = text.replace("mode: {", "flow: {}\n      mode: {unit: bar, ").replace(
        "asset_class: pump", "asset_class: fan"
    )
    assert check(text) == [
        "1: enterprise: enterprise 'Acme' may hold only lower-case letters, digits and '-', at least one",
        "7: classes.pump.tags.flow.rnage: is no known field (did you mean 'range'?)",
        "8: classes.pump.tags.flow: is there twice, first in line 7 (remove one)",
        "9: classes.pump.tags.mode.unit: `unit` is for kind number, integer, waveform, not state (remove it)",
        "11: classes.pump.messages[0].tag: 'flwo' is no tag of the class (did you mean 'flow'?)",
        "13: assets.water/line-1/pump-1.class: class 'pmup' is not among `classes` (did you mean 'pump'?)",
        "15: use_cases[0].asset_class: class 'fan' is not among `classes` (known are pump)",
    ]


def test_wrong_names_alone_are_found_where_they_stand(check: Check) -> None:
    assert check(GOOD.replace("{class: pump}", "{class: pmup}")) == [
        "12: assets.water/line-1/pump-1.class: class 'pmup' is not among `classes` (did you mean 'pump'?)"
    ]


def test_a_renamed_class_is_found_at_each_of_many_machines(check: Check) -> None:
    machines = 5_000  # searched from the top for each, 100,000 would take an hour
    head, line = GOOD.partition("assets:\n")[0] + "assets:\n", GOOD.splitlines().index("assets:") + 2
    found = check(head + "".join(f"  hall/pump-{number}: {{class: pmup}}\n" for number in range(machines)))
    wanted = "assets.hall/pump-{}.class: class 'pmup' is not among `classes` (did you mean 'pump'?)"
    assert found == [f"{line + number}: {wanted.format(number)}" for number in range(machines)]


def test_a_bad_key_is_reported_at_its_line_with_a_path_that_is_not_ambiguous(check: Check) -> None:
    assert check(GOOD + "preffix: uns\n") == ["15: preffix: is no known field (did you mean 'prefix'?)"]
    [finding] = check(GOOD.replace("water/line-1/pump-1:", "water/line 1/v1.5:"))
    assert finding.startswith("12: assets['water/line 1/v1.5']: asset path 'water/line 1/v1.5': segment 2 'line 1'")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "1: file: is empty"),
        ("just words", "1: file: 'just words' is no mapping"),
        ("a: [1, 2\nb: 3", "2: file: no YAML:"),
        ("a: 1\n\tb: 2", "2: file: no YAML:"),
        ("a: b: c", "1: file: no YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "2: file: no YAML:"),
        ("a: 1\nb: \x07", "2: file: holds the control character '\\x07'"),
        ("[" * 5_000, "1: file: is nested too deeply"),
        ("a: &a [*a]", "1: file: is nested too deeply"),
        ("x" * (MAX_BYTES + 1), f"1: file: has {MAX_BYTES + 1} bytes"),
        ("a: &a [1,1,1,1,1,1,1,1,1]\n" + "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", "1: a: is no known field"),
        ("enterprise: !!python/object:os.system x", "1: enterprise: tag 'tag:yaml.org,2002:python/object"),
        ("enterprise: acme\n? [a]\n: b", "2: file: a key is a list or a mapping"),
        ("site: north\n<<: {site: x}", "2: ['<<']: merge keys are not read"),
    ],
)
def test_what_is_no_plain_yaml_mapping_is_refused(check: Check, text: str, finding: str) -> None:
    assert any(line.startswith(finding) for line in check(text)), check(text)


def test_bytes_that_are_no_text_are_located(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    file.write_bytes(b"enterprise: acme\nsite: M\xfcnchen\n")
    with pytest.raises(PlantError, match=":2: file: is no UTF-8 text here"):
        load_plant(file)


def test_aliases_cannot_blow_a_small_file_up() -> None:
    bomb = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(SourceError, match="aliases multiply"):
        read_source(bomb.encode())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlantError, match=r"absent\.yaml: cannot be read: No such file"):
        load_plant(tmp_path / "absent.yaml")


#: Kinds of features that are computed of spectra.
SPECTRAL = [name for name, kind in KINDS.items() if issubclass(kind, Spectral)]

#: Field to a wrong value and part of the finding. `*` stands for any name, `#` for any index.
WRONG: dict[str, tuple[Any, str]] = {
    "enterprise": ("A b", "may hold only lower-case letters"),
    "site": (2024, "2024 is no text (put it in quotes)"),
    "prefix": ("", "may hold only lower-case letters"),
    "classes": ({}, "holds 0 (at least 1 is needed)"),
    "classes.*.description": (["a"], "a list is no text"),
    "classes.*.scan": (5, "5 has no unit (write 5s, 5ms, 5min ...)"),
    "classes.*.tags": (None, "an empty value is no mapping"),
    "classes.*.tags.*.kind": ("nubmer", "'nubmer' is not known here (did you mean 'number'?)"),
    "classes.*.tags.*.description": (True, "true is no text"),
    "classes.*.tags.*.unit": ("m3/h", "'m3' is not defined"),
    "classes.*.tags.*.source_unit": ("degC", "'degC' does not convert to 'm**3/h' (they measure different things)"),
    "classes.*.tags.*.range": ([250, 0], "range must ascend: 250 is not below 0"),
    "classes.*.tags.*.range.#": ("low", "'low' is no number"),
    "classes.*.tags.*.deadband": (-1, "-1 is too small (it must be at least 0)"),
    "classes.*.tags.*.rate_hz": (0, "0 is too small (it must be more than 0)"),
    "classes.*.tags.*.max_rate": (float("nan"), "nan is no finite number"),
    "classes.*.tags.*.max_step": (0, "0 is too small (it must be more than 0)"),
    "classes.*.tags.*.carry": ("for long", "'for long' is no duration"),
    "classes.*.tags.*.stuck_after": ("5 minutes", "'5 minutes' is no duration"),
    "classes.*.tags.*.states": (["a", "b"], "`states` is for kind state, not number"),
    "classes.*.tags.*.states.#": (False, "false is no text"),
    "classes.*.tags.*.limits": ({"low": 5, "high": 4}, "limits must ascend: low (5) is not below high (4)"),
    "classes.*.tags.*.limits.low_low": ("5", "'5' is no number"),
    "classes.*.tags.*.limits.low": (True, "true is no number"),
    "classes.*.tags.*.limits.high": ([1], "a list is no number"),
    "classes.*.tags.*.limits.high_high": (float("inf"), "inf is no finite number"),
    "classes.*.consistency": ("low < high", "'low < high' is no list"),
    "classes.*.consistency.#.name": ("", "is empty (write a text)"),
    "classes.*.consistency.#.low": ("mode", "'mode' is of kind state, only numbers and integers compare"),
    "classes.*.consistency.#.high": ("flwo", "'flwo' is no tag of the class (did you mean 'flow'?)"),
    "classes.*.consistency.#.sum": ({"a": 1}, "a mapping is no list"),
    "classes.*.consistency.#.sum.#": ("flwo", "did you mean 'flow'?"),
    "classes.*.consistency.#.equals": (["flow"], "a list is no text"),
    "classes.*.consistency.#.ratio": (2, "2 is no list"),
    "classes.*.consistency.#.ratio.#": ("mdoe", "did you mean 'mode'?"),
    "classes.*.consistency.#.between": ([2, 1], "between must ascend: 2 is above 1"),
    "classes.*.consistency.#.between.#": ("1", "'1' is no number"),
    "classes.*.consistency.#.tolerance": (-1, "-1 is too small (it must be at least 0)"),
    "classes.*.consistency.#.marks": ("flow", "'flow' is no list"),
    "classes.*.consistency.#.marks.#": ("flo", "did you mean 'flow'?"),
    "classes.*.features": ({"window": "10s", "hop": "3s"}, "must divide the window"),
    "classes.*.features.window": ("0s", "window must be longer than 0"),
    "classes.*.features.hop": (["1s"], "is no duration"),
    "classes.*.features.lateness": ("-1s", "'-1s' is no duration"),
    "classes.*.features.idle": (7, "7 has no unit"),
    "classes.*.features.aggregates": ([], "holds 0 (at least 1 is needed)"),
    "classes.*.features.aggregates.#": ("mdian", "did you mean 'median'?"),
    "classes.*.features.tags": ("flow", "'flow' is no list (write a list, such as [a, b])"),
    "classes.*.features.tags.#": ("mode", "only numbers and integers have features"),
    "classes.*.features.extra": (["mad"], "a list is no mapping"),
    **{f"classes.*.features.extra.{kind}": ({}, "a mapping is no list") for kind in KINDS},
    **{f"classes.*.features.extra.{kind}.#.tags": ("flow", "'flow' is no list") for kind in KINDS if kind != "context"},
    **{f"classes.*.features.extra.{kind}.#.tags.#": ("flwo", "mean 'flow'?") for kind in KINDS if kind != "context"},
    **{f"classes.*.features.extra.{kind}.#.rate_hz": (0, "0 is too small") for kind in SPECTRAL},
    **{
        f"classes.*.features.extra.{kind}.#.coverage": (2, "2 is too large (it must be at most 1)") for kind in SPECTRAL
    },
    "classes.*.features.extra.quantiles.#.probabilities": (0.5, "0.5 is no list"),
    "classes.*.features.extra.quantiles.#.probabilities.#": (95, "95 is too large (it must be at most 1)"),
    "classes.*.features.extra.ewma.#.half_life": (30, "30 has no unit (write 30s, 30ms, 30min ...)"),
    "classes.*.features.extra.lagged_means.#.panes": (1, "1 is too small (it must be at least 2)"),
    "classes.*.features.extra.band_energy.#.bands_hz": (10, "10 is no list"),
    "classes.*.features.extra.band_energy.#.bands_hz.#.#": ("10", "'10' is no number"),
    "classes.*.features.extra.spectral_kurtosis.#.segment": (4, "4 is too small (it must be at least 8)"),
    "classes.*.features.extra.envelope_energy.#.carrier_hz": ([20, 10], "a band must ascend from 0 or more: 20 is not"),
    "classes.*.features.extra.envelope_energy.#.carrier_hz.#": ("low", "'low' is no number"),
    "classes.*.features.extra.envelope_energy.#.bands_hz": ([], "holds 0 (at least 1 is needed)"),
    "classes.*.features.extra.envelope_energy.#.bands_hz.#.#": (None, "an empty value is no number"),
    "classes.*.features.extra.time_in_state.#.hold": ("long", "'long' is no duration"),
    "classes.*.features.extra.time_in_state.#.states": ("on", "'on' is no list"),
    "classes.*.features.extra.time_in_state.#.states.#": (5, "5 is no text (put it in quotes)"),
    "classes.*.features.extra.time_above.#.hold": ("0s", "0 is too small"),
    "classes.*.features.extra.time_above.#.levels": (5, "5 is no list"),
    "classes.*.features.extra.time_above.#.levels.#": ("5", "'5' is no number"),
    "classes.*.features.extra.context.#.field": ("prodct", "did you mean 'product'?"),
    "classes.*.features.extra.context.#.values": ([], "holds 0 (at least 1 is needed)"),
    "classes.*.features.extra.context.#.values.#": (4711, "4711 is no text (put it in quotes)"),
    "classes.*.features.extra.regime.#.edges": ([2, 1], "edges must ascend"),
    "classes.*.features.extra.regime.#.edges.#": ("1", "'1' is no number"),
    "classes.*.model": ("pca", "'pca' is no mapping"),
    "classes.*.model.family": ("lstm", "'lstm' is not known here (known are pca, rolling, "),
    "classes.*.model.min_good_ratio": (70, "70 is too large (it must be at most 1)"),
    "classes.*.model.stale_after": ("0s", "0 is too small (it must be more than 0)"),
    "classes.*.model.open_after": (1.5, "1.5 is no duration"),
    "classes.*.model.resolve_after": ("soon", "'soon' is no duration"),
    "classes.*.model.thresholds": ("each", "'each' is not known here (known are one, by_regime"),
    "classes.*.model.hysteresis": (1, "1 is too large (it must be less than 1)"),
    "classes.*.model.suppressed_in": ("maintenance", "'maintenance' is no list"),
    "classes.*.model.suppressed_in.#": ("changover", "did you mean 'changeover'?"),
    "classes.*.model.flapping": (3, "3 is no mapping"),
    "classes.*.model.flapping.openings": (0, "0 is too small (it must be at least 1)"),
    "classes.*.model.flapping.within": ("1 hour", "'1 hour' is no duration"),
    "classes.*.model.flapping.quiet": (900, "900 has no unit"),
    "classes.*.drift": (3, "3 is no mapping"),
    "classes.*.drift.false_alarms_per_30_days": (0, "0 is too small (it must be more than 0)"),
    "classes.*.drift.retrain": ("perhaps", "'perhaps' is neither true nor false"),
    "classes.*.drift.cool_down": ("1 day", "'1 day' is no duration"),
    "classes.*.drift.retrain_every": (30, "30 has no unit"),
    "classes.*.messages": ({"text": "a"}, "a mapping is no list"),
    "classes.*.messages.#.tag": ("mod", "'mod' is no tag of the class (did you mean 'mode'?)"),
    "classes.*.messages.#.direction": ("up", "'up' is not known here (known are low, high, any)"),
    "classes.*.messages.#.severity": ("critcal", "did you mean 'critical'?"),
    "classes.*.messages.#.text": ("{assett} stops", "there is no 'assett' (it may name asset, "),
    "classes.*.machine_states": ({}, "a mapping is no list"),
    "classes.*.machine_states.#.state": ("runing", "did you mean 'running'?"),
    "classes.*.machine_states.#.when": ([1], "a list is no mapping"),
    "classes.*.machine_states.#.when.*.above": ("5", "'5' is no number"),
    "classes.*.machine_states.#.when.*.below": (float("inf"), "inf is no finite number"),
    "classes.*.machine_states.#.when.*.equal": ("fast", "flow is of kind number, which such a condition is not for"),
    "classes.*.machine_states.#.given": (True, "true is no mapping"),
    "classes.*.machine_states.#.given.order": ("yes", "'yes' is neither true nor false"),
    "classes.*.machine_states.#.given.batch": (1, "1 is neither true nor false"),
    "classes.*.machine_states.#.given.shift": ("x", "'x' is neither true nor false"),
    "classes.*.machine_states.#.given.maintenance": ([], "a list is neither true nor false"),
    "classes.*.production": (5, "5 is no mapping"),
    "classes.*.production.produced": (None, "an empty value is no mapping"),
    "classes.*.production.produced.tag": ("flwo", "did you mean 'flow'?"),
    "classes.*.production.produced.per": (1, "1 has no unit"),
    "classes.*.production.scrap": ([], "a list is no mapping"),
    "classes.*.production.scrap.tag": ("floww", "did you mean 'flow'?"),
    "classes.*.production.scrap.per": ("1 hour", "'1 hour' is no duration"),
    "classes.*.production.good_when": ([], "a list is no mapping"),
    "classes.*.production.good_when.*.above": ("1", "'1' is no number"),
    "classes.*.production.good_when.*.below": (True, "true is no number"),
    "classes.*.production.good_when.*.equal": ({}, "a mapping is no"),
    "classes.*.production.item_time": ("2 s each", "'2 s each' is no duration"),
    "classes.*.production.unit": (3, "3 is no text"),
    "time_zone": ("Middle/Earth", "'Middle/Earth' is no time zone"),
    "shifts": ("early", "'early' is no list"),
    "shifts.#.name": ("", "is empty (write a text)"),
    "shifts.#.start": ("6", "'6' is no time of day"),
    "shifts.#.end": (2200, "2200 is no time of day"),
    "shifts.#.days": ("mon", "'mon' is no list"),
    "shifts.#.days.#": ("monday", "did you mean 'mon'?"),
    "shifts.#.place": ("water/line-2", "no asset is at 'water/line-2' or below it (did you mean 'water/line-1'?)"),
    "closed": ("2026-12-25", "is no list"),
    "closed.#": ("25.12.2026", "'25.12.2026' is no date"),
    "assets": ([], "a list is no mapping"),
    "assets.*.class": ("pmup", "did you mean 'pump'?"),
    "assets.*.description": (5, "5 is no text"),
    "use_cases": ("none", "'none' is no list"),
    "use_cases.#.name": ("", "is empty (write a text)"),
    "use_cases.#.asset_class": ("bad class", "may hold only letters"),
    "use_cases.#.owner": ("", "is empty (write a text)"),
    "use_cases.#.kpi": (None, "an empty value is no text"),
    "use_cases.#.baseline": ("1_000", "'1_000' is no number"),
    "use_cases.#.target": (False, "false is no number"),
    "use_cases.#.unit": (1, "1 is no text"),
    "use_cases.#.avoided_downtime": ("0s", "too small"),
    "use_cases.#.criteria": (0.9, "0.9 is no mapping"),
    "use_cases.#.criteria.min_recall": (80, "80 is too large (it must be at most 1)"),
    "use_cases.#.criteria.max_false_alarms_per_week": (-1, "-1 is too small"),
    "use_cases.#.criteria.max_latency_ms": (0, ": 0 is too small"),
    "use_cases.#.criteria.max_size_mib": ("big", "'big' is no number"),
    "routes": ("all", "'all' is no list"),
    "routes.#.to": ([], "holds 0 (at least 1 is needed)"),
    "routes.#.to.#": ("a b", "sink 'a b' may hold only letters"),
    "routes.#.severity": ("critcal", "did you mean 'critical'?"),
    "routes.#.asset_class": ("pmup", "did you mean 'pump'?"),
    "routes.#.place": ("water/line-2", "no asset is at 'water/line-2' or below it (did you mean 'water/line-1'?)"),
    "routes.#.use_case": ("watr", "'watr' is no use case (did you mean 'water'?)"),
    "routes.#.owner": ("them", "'them' is no owner of a use case (known are us)"),
    "routes.#.states": ("open", "'open' is no list"),
    "routes.#.states.#": ("opened", "did you mean 'open'?"),
}


def fields(place: tuple[str | int, ...] = (), path: str = "") -> Iterator[str]:
    """Yield every field of the schema, in the form of `WRONG`."""
    if path and not path.endswith("*"):
        yield path
    part = schema_at(place)
    inner: list[tuple[str | int, str]] = [(name, name) for name in part.get("properties", {})]
    inner += [("x", "*")] if isinstance(part.get("additionalProperties"), dict) else []
    inner += [(0, "#")] if part.get("type") == "array" else []
    for step, name in inner:
        yield from fields((*place, step), f"{path}.{name}".removeprefix("."))


def test_the_table_of_wrong_values_names_every_field() -> None:
    whole = {path for path in fields() if not (path.endswith("#") and any(p.startswith(path + ".") for p in fields()))}
    assert set(WRONG) == whole


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_value_is_named_with_its_place(check: Check, path: str) -> None:
    wrong, expected = WRONG[path]
    names = {"classes": "pump", "tags": "flow", "when": "flow", "good_when": "flow", "assets": "water/line-1/pump-1"}
    document = copy.deepcopy(yaml.safe_load(GOOD))
    steps = path.split(".")
    real = [0 if step == "#" else names[steps[at - 1]] if step == "*" else step for at, step in enumerate(steps)]
    holder = document
    for at, (step, after) in enumerate(pairwise(real)):
        item: Any = 0 if at + 2 == len(real) else [0, 0] if real[at + 2] == 0 else {}
        items = [item, copy.copy(item)]
        if isinstance(holder, dict):
            holder.setdefault(step, items if after == 0 else {})
        holder = holder[step]
    holder[real[-1]] = wrong
    text = yaml.safe_dump(document, sort_keys=False)
    shown = re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, real)))
    parent = shown.rpartition(".")[0]
    matching = [line for line in check(text) if expected in line]
    assert matching, check(text)
    line, place, _ = matching[0].split(": ", 2)
    assert place in (shown, parent)
    assert str(real[-1] if real[-1] != 0 else "-") in text.splitlines()[int(line) - 1] or place == parent


# PyYAML writes by YAML 1.1, in which these are texts that need no quotes; they are read by YAML 1.2, as numbers.
texts = st.text(max_size=8).filter(lambda text: not re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+|0o[0-7]+", text))
scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats() | texts
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


@given(document=documents)
def test_whatever_is_dumped_is_read_back(document: Any) -> None:
    text = yaml.safe_dump({"document": document})
    assert json.dumps(read_source(text.encode()).data["document"], sort_keys=True) == json.dumps(
        document, sort_keys=True
    )


@given(text=st.text(alphabet="ab:-[]{}&*!|>'\"# \n?,<", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        line = read_source(text.encode()).line(("a", 0, "b"))
    except SourceError as error:
        line = error.line
    assert 1 <= line <= text.count("\n") + 2


def test_the_model_itself_refuses_the_same_at_the_same_place() -> None:
    document = yaml.safe_load(GOOD.replace("[off, on, no, 1e3x, 12:30]", "[a]"))
    document["classes"]["pump"]["features"] = {"tags": ["flow", "flow"]}
    with pytest.raises(ValueError, match="'flow' is there twice") as raised:
        Plant.model_validate(document)
    assert "classes.pump.features.tags.1" in str(raised.value)


def test_the_schema_is_closed() -> None:
    assert plant_schema()["additionalProperties"] is False


def test_a_relation_compares_tags_of_one_unit(check: Check) -> None:
    relations = """\
    consistency:
      - {name: same, low: flow, high: other}
      - {name: same, ratio: [flow, other], between: [1, 2]}
    messages:
"""
    text = GOOD.replace("      mode:", "      other: {unit: bar}\n      mode:").replace("    messages:\n", relations)
    place = "classes.pump.consistency"
    assert check(text) == [
        f"11: {place}[0]: compares different units: flow in m**3/h, other in bar (give all the same `unit`)",
        f"12: {place}[1].name: 'same' is there twice (remove one)",
    ]

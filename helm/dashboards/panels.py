"""Panels as Grafana's own builders make them, one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from helm.dashboards.board import NEUTRAL, Kind, Panel, Query

Builder = stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel | statetimeline.Panel
#: The Prometheus that the reader chooses.
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")

_FILL, _AREA_FILL = 8, 60


def panel_builder(panel: Panel, number: int) -> Builder:
    """Return the builder of *panel*, the *number*-th of its dashboard."""
    made = _MAKERS[panel.kind](panel)
    made.id(number).title(panel.title).description(panel.about).datasource(SOURCE)
    made.unit(panel.unit).span(panel.width).height(panel.height).thresholds(_thresholds(panel))
    for ref, query in zip("ABCDEF", panel.queries, strict=False):
        made.with_target(_target(ref, query, panel.kind))
    return made


def _number(panel: Panel) -> stat.Panel:
    made = stat.Panel().reduce_options(_newest()).graph_mode(shapes.BigValueGraphMode.AREA)
    coloured = panel.steps != NEUTRAL
    return made.color_mode(shapes.BigValueColorMode.BACKGROUND if coloured else shapes.BigValueColorMode.VALUE)


def _curves(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().fill_opacity(_FILL).show_points(shapes.VisibilityMode.NEVER).axis_soft_min(0)
    if panel.steps != NEUTRAL:  # the line from which on it is worth a look
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphTresholdsStyleMode.DASHED))
    return made.legend(_legend()).tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))


def _areas(panel: Panel) -> timeseries.Panel:
    stacked = common.StackingConfig().group("A").mode(shapes.StackingMode.NORMAL)
    return _curves(panel).fill_opacity(_AREA_FILL).stacking(stacked)


def _bars(_: Panel) -> bargauge.Panel:
    made = bargauge.Panel().reduce_options(_newest()).orientation(shapes.VizOrientation.HORIZONTAL)
    return made.display_mode(shapes.BarGaugeDisplayMode.BASIC).min(0)


def _table(panel: Panel) -> table.Panel:
    shown = {"excludeByName": dict.fromkeys(panel.hidden, True)}
    return table.Panel().with_transformation(models.DataTransformerConfig(id_val="organize", options=shown))


def _states(panel: Panel) -> statetimeline.Panel:
    words = {value: models.ValueMappingResult(text, colour) for value, text, colour in panel.words}
    return statetimeline.Panel().mappings([models.ValueMap(words)]).show_value(shapes.VisibilityMode.NEVER)


_MAKERS: Mapping[Kind, Callable[[Panel], Builder]] = {
    Kind.NUMBER: _number,
    Kind.CURVES: _curves,
    Kind.AREAS: _areas,
    Kind.BARS: _bars,
    Kind.TABLE: _table,
    Kind.STATES: _states,
}


def _target(ref: str, query: Query, kind: Kind) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(ref).expr(query.expr).datasource(SOURCE)
    if query.legend:
        made.legend_format(query.legend)
    if kind is Kind.TABLE:
        return made.instant().format(PromQueryFormat.TABLE)
    return made.instant() if kind is Kind.BARS else made.range()


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value, colour) for value, colour in panel.steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _legend() -> common.VizLegendOptions:
    made = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST)
    return made.placement(shapes.LegendPlacement.BOTTOM).show_legend(True)

"""A dashboard as Grafana reads it, by Grafana's own builders; loads in Grafana 10 and newer."""

from __future__ import annotations

import json
from itertools import count

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from helm.dashboards.board import Board, Choice
from helm.dashboards.panels import SOURCE, panel_builder

_TAG = "andon"
_REFRESH = "30s"


def to_json(board: Board) -> str:
    """Return the dashboard's JSON, the same for the same *board*."""
    return json.dumps(_dashboard(board).build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _dashboard(board: Board) -> dashboard.Dashboard:
    others = dashboard.DashboardLink("Andon").type(models.DashboardLinkType.DASHBOARDS)
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"{_TAG}-{board.name}")
        .description(board.about)
        .tags([_TAG])
        .time(board.since, "now")
        .refresh(_REFRESH)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(others.tags([_TAG]).as_dropdown(True).keep_time(True))
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for choice in board.choices:
        made.with_variable(_variable(choice))
    numbers = count(1)
    for row in board.rows:
        made.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            made.with_panel(panel_builder(panel, next(numbers)))
    return made


def _variable(choice: Choice) -> dashboard.QueryVariable:
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    made = dashboard.QueryVariable(choice.name).label(choice.label).datasource(SOURCE)
    made.query(f"label_values({choice.metric}, {choice.name})").current(everything)
    made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    return made.include_all(True).all_value(".*").multi(True)

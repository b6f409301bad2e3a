"""All dashboards, in the order in which somebody meets them."""

from helm.dashboards.boards.drift import DRIFT
from helm.dashboards.boards.ingest import INGEST
from helm.dashboards.boards.models import MODELS
from helm.dashboards.boards.pipeline import PIPELINE
from helm.dashboards.boards.plant import PLANT
from helm.dashboards.boards.value import VALUE

BOARDS = (PLANT, PIPELINE, INGEST, MODELS, DRIFT, VALUE)

__all__ = ["BOARDS"]

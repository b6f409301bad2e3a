"""docs/retraining.md names what there is: every reason code, every setting, commands that work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from andon.contracts import Retraining
from services.trainer.settings import TrainerSettings

PAGE = (Path(__file__).parents[2] / "docs" / "retraining.md").read_text()


def test_every_reason_code_is_explained() -> None:
    literal = next(each for each in get_args(Retraining.model_fields["code"].annotation) if get_args(each))
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE.partition("## What is refused")[2].partition("\n## ")[0], re.M)
    assert {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)} == set(get_args(literal))


def test_every_setting_that_is_named_exists() -> None:
    known = {name.upper() for name in TrainerSettings.model_fields}
    named = set(re.findall(r"ANDON_TRAINER__([A-Z_]+)", PAGE)) | set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", PAGE))
    assert named <= known
    assert {"SETTLING", "HISTORY", "WINDOWS", "PATIENCE", "LOOK_EVERY", "LIMIT", "THREADS", "NICENESS"} <= named

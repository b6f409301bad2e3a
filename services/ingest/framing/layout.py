"""Where a plant's signals belong: which asset, class and tag each number stands for, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.clock import SECOND
from andon.plant import AssetClass, Plant
from services.ingest.framing.times import Mask, Times
from services.ingest.framing.waiting import Numbers
from services.ingest.readings import Signals

#: A tag that is expected in fewer than this share of its class's scans is not waited for.
_REGULAR = 0.5


@dataclass(frozen=True, slots=True)
class Layout:
    """Arrays over signals and over assets.

    Attributes:
        assets: paths of the assets, by number.
        classes: names of the asset classes, by number.
        asset: each signal's asset.
        tag: each signal's place among its class's tags.
        regular: whether a signal is expected in each scan.
        class_of: each asset's class.
        scan: each asset's scan interval, microseconds.
    """

    assets: list[str]
    classes: list[str]
    asset: Numbers
    tag: Numbers
    regular: Mask
    class_of: Numbers
    scan: Times

    @classmethod
    def of(cls, plant: Plant, signals: Signals) -> Layout:
        """Lay out a plant's signals."""
        assets, classes = list(plant.assets), list(plant.classes)
        number = {asset: index for index, asset in enumerate(assets)}
        names = list(signals)
        class_of = [classes.index(plant.assets[asset].asset_class) for asset in assets]
        places = {name: {tag: place for place, tag in enumerate(each.tags)} for name, each in plant.classes.items()}
        regular = {name: {tag: _regular(each, tag) for tag in each.tags} for name, each in plant.classes.items()}
        of_asset = [plant.assets[asset].asset_class for asset, _ in names]
        return cls(
            assets,
            classes,
            asset=np.array([number[asset] for asset, _ in names], np.int64),
            tag=np.array([places[name][tag] for name, (_, tag) in zip(of_asset, names, strict=True)], np.int64),
            regular=np.array([regular[name][tag] for name, (_, tag) in zip(of_asset, names, strict=True)], np.bool_),
            class_of=np.array(class_of, np.int64),
            scan=np.array([plant.classes[classes[each]].scan for each in class_of], np.int64),
        )


def _regular(asset_class: AssetClass, tag: str) -> bool:
    rate = asset_class.tags[tag].rate_hz
    return rate is None or rate * asset_class.scan / SECOND >= _REGULAR

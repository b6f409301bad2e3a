"""What an approver signs: which version may act as what, from when on. An old signature is of no use later."""

from __future__ import annotations

from collections.abc import Mapping

Statement = Mapping[str, str | int | bool]


def statement(
    name: str, version: str, alias: str, *, serial: int, share_permille: int = 1_000, rollback: bool = False
) -> Statement:
    """Return what is signed together with a bundle's files.

    Args:
        name: the model.
        version: what shall act.
        alias: as what: ``production`` or ``canary``.
        serial: now, in microseconds UTC; each approval of a model has a larger one than that before it.
        share_permille: on which share of the assets.
        rollback: whether it is meant to go back to an older model.
    """
    return {
        "name": name,
        "version": version,
        "alias": alias,
        "share_permille": share_permille,
        "rollback": rollback,
        "serial": serial,
    }

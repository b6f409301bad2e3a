"""The updates of keyed state that both subjects of `bench.state` write."""

from __future__ import annotations

from collections.abc import Iterator

#: Updates in a batch.
BATCH = 1_000
#: Distinct keys; every key is updated several times.
KEYS = 20_000


def updates(batch: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield keys and values of one batch: what the feature stage keeps of an asset."""
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        yield f"hall/line-1/machine-{number % KEYS}", {"closed": 1_700_000_000_000_000 + number, "offset": number}

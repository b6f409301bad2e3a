"""What the play was to show, and what it showed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from andon.clock import SECOND
from andon.contracts import DriftReport
from sandbox.demo.drifting.scenario import CHANGED, MISREAD, SOUND, WORN, Play
from sandbox.demo.drifting.watching import Verdicts, Watching, name_of, open_alerts

#: The candidate must call at most this share of the champion's abnormal windows abnormal.
_BETTER = 0.5
#: Windows of this length (ten seconds) that began before an act still belong to what was before it.
_WINDOW = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was to be.

    Attributes:
        subject: what it is about.
        expected: how it was to be.
        found: how it was.
        ok: whether that is the same.
    """

    subject: str
    expected: str
    found: str
    ok: bool


def checks(play: Play, seen: Watching, tried: Verdicts | None, final: Verdicts | None) -> list[Check]:
    """Judge a run.

    Args:
        play: what was played.
        seen: what the services told.
        tried: verdicts on the worn pump while the candidate was the shadow; None when there was no candidate.
        final: the same once it acted.
    """
    told = [*_causes(play, seen), *_requests(play, seen)]
    if tried is not None:
        told.append(_shadow(tried))
    if final is not None:
        told.append(_calm(play, seen, final))
    return told


def _causes(play: Play, seen: Watching) -> Iterator[Check]:
    wanted = {
        WORN: ("wears", "process_drift", "wanted"),
        MISREAD: ("current sensor runs away", "sensor_fault", "refused"),
        CHANGED: ("makes a new product", "new_regime", "no"),
    }
    for number, (what, cause, retrain) in wanted.items():
        asset = play.assets[number]
        first = next((report for report in seen.of(asset) if report.state == "drift"), None)
        found = _of_report(first, play.begin) if first else "nothing reported"
        ok = first is not None and (first.cause, first.retrain) == (cause, retrain)
        yield Check(f"{name_of(asset)} {what}", f"{cause}, retrain {retrain}", found, ok)
    drifted = [report for report in seen.of(play.assets[SOUND]) if report.state == "drift"]
    found = ", ".join(report.cause for report in drifted) or "nothing reported"
    yield Check(f"{name_of(play.assets[SOUND])} stays as it is", "nothing reported", found, not drifted)


def _of_report(report: DriftReport, begin: int) -> str:
    sensors = f" ({', '.join(report.sensors[:2])})" if report.sensors else ""
    delay = (report.time - begin) / (60 * SECOND)
    return f"{report.cause}{sensors}, retrain {report.retrain}, after {delay:.0f} min"


def _requests(play: Play, seen: Watching) -> Iterator[Check]:
    made = seen.actions("retrained")
    asked = [asset for event in made if event.retrain for asset in event.retrain.assets]
    found = f"{len(made)} candidate by {', '.join(map(name_of, asked)) or 'nobody'}"
    worn = name_of(play.assets[WORN])
    yield Check("who gets a new model", f"1 candidate by {worn}", found, asked == [play.assets[WORN]])
    refused = {
        name_of(asset): event.retrain.code
        for event in seen.actions("retrain_refused")
        if event.retrain
        for asset in event.retrain.assets
    }
    misread = name_of(play.assets[MISREAD])
    said = refused.get(misread) or "not refused"
    yield Check(f"request of {misread}", "refused: faulty_data", f"refused: {said}", said == "faulty_data")


def _shadow(tried: Verdicts) -> Check:
    champion, candidate = tried.share("production"), tried.share("shadow")
    found = f"champion {champion:.0%}, candidate {candidate:.0%} of windows abnormal"
    return Check("candidate as shadow", "beats the champion", found, champion > 0 and candidate <= _BETTER * champion)


def _calm(play: Play, seen: Watching, final: Verdicts) -> Check:
    asset, since = play.assets[WORN], play.act_starts[-1] + _WINDOW
    alerts = list(seen.alerts.values())
    own = {alert.alert: alert.opened for alert in alerts if alert.asset == asset}
    opened = [name for name, at in own.items() if at > since]
    standing = open_alerts(alerts, asset)
    share = final.share("production")
    before = len(own) - len(opened)
    found = f"{before} alerts before, {len(opened)} since, {len(standing)} open at the end, {share:.0%} abnormal"
    ok = before > 0 and not opened and not standing
    return Check("alarms after approval", "alerts before, 0 since, 0 open at the end", found, ok)

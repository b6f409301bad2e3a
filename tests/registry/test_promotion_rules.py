"""What may act, and who may let it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from andon.clock import SECOND
from services.registry.access import ALLOWED, Role, may
from services.registry.rules import (
    OutrunError,
    RefusedError,
    Wish,
    check_decision,
    check_ground,
    check_reason,
    check_request,
    check_serial,
)

WISH = Wish("b", "production", 1_000, replaces="a", requester="anna")
NOW = 1_000_000 * SECOND


def test_a_model_with_a_go_may_be_asked_for() -> None:
    check_request(WISH, go=True)
    check_request(replace(WISH, alias="canary", share_permille=100), go=True)


@pytest.mark.parametrize(
    ("wish", "go", "reason"),
    [
        (WISH, False, "no go"),
        (replace(WISH, version="a"), True, "is production already"),
        (replace(WISH, share_permille=500), True, "acts on all assets"),
        (replace(WISH, alias="canary"), True, "must be 1 to 999"),
        (replace(WISH, alias="canary", share_permille=0), True, "must be 1 to 999"),
        (replace(WISH, alias="shadow"), True, "needs no approval"),
        (replace(WISH, alias="previous"), True, "only production and canary"),
    ],
)
def test_what_can_never_be_approved_cannot_be_asked_for(wish: Wish, go: bool, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        check_request(wish, go=go)


def test_nobody_decides_over_their_own_request() -> None:
    check_decision(WISH, "boris")
    with pytest.raises(RefusedError, match="four eyes"):
        check_decision(WISH, "anna")


@pytest.mark.parametrize("state", ["approved", "rejected"])
def test_nothing_is_decided_twice(state: str) -> None:
    with pytest.raises(RefusedError, match=f"{state} already"):
        check_decision(replace(WISH, state=state), "boris")


def test_a_request_from_another_situation_must_be_made_again() -> None:
    check_ground(WISH, "a")
    with pytest.raises(OutrunError, match="was a when this was asked for and is c now"):
        check_ground(WISH, "c")


@pytest.mark.parametrize(
    ("serial", "last", "reason"),
    [
        (NOW, NOW, "not newer"),
        (NOW - 1, NOW, "not newer"),
        (NOW + 600 * SECOND, 0, r"\+10 min off"),
        (NOW - 600 * SECOND, 0, "-10 min off"),
    ],
)
def test_an_old_or_misdated_signature_does_not_count(serial: int, last: int, reason: str) -> None:
    check_serial(NOW, NOW - 1, NOW)
    with pytest.raises(RefusedError, match=reason):
        check_serial(serial, last, NOW)


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2_001])
def test_a_change_needs_a_reason_that_somebody_can_read(reason: str) -> None:
    with pytest.raises(RefusedError, match="reason"):
        check_reason(reason)


def test_every_call_of_the_contract_is_allowed_to_somebody_and_nothing_else_to_anybody() -> None:
    from andon.registry.v1 import registry_pb2

    calls = {method.name for method in registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].methods}
    assert ALLOWED.keys() - {"ServerReflectionInfo"} == calls
    assert not may(frozenset(Role), "Delete")


def test_roles_are_no_wider_than_their_work() -> None:
    allowed = {role: {call for call in ALLOWED if may(frozenset({role}), call)} for role in Role}
    looking = {"Fetch", "Resolve", "Watch", "List", "ServerReflectionInfo"}
    assert allowed == {
        Role.SERVICE: looking,
        Role.VIEWER: {*looking, "Audit"},
        Role.AUTHOR: {*looking, "Audit", "Publish", "RequestPromotion", "Assign"},
        Role.APPROVER: {*looking, "Audit", "Approve", "Reject", "RollBack", "Assign"},
        Role.MONITOR: {"ReportParity"},
    }

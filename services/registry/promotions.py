"""Changes of what acts, each one transaction: checked by the rules, signed, stored and logged together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from andon.clock import Clock
from andon.registry.audit import Act, Receipt
from andon.signing import Role, Signature, Trust, check_four_eyes
from services.registry.blobs import Blobs
from services.registry.parity import Parity, ParityReport, check_parity, check_report
from services.registry.rules import (
    SILENT,
    WHOLE,
    RefusedError,
    Wish,
    check_decision,
    check_ground,
    check_reason,
    check_request,
    check_serial,
)
from services.registry.store import Assigned, Change, Request, Store, Version

Details = dict[str, str | int | bool]


class UnknownError(Exception):
    """There is no such model, version or request."""


@dataclass(frozen=True, slots=True)
class Promotions:
    """Decides what acts.

    Attributes:
        store: where it is written down.
        blobs: bundles, for the check of signatures.
        trust: whose signatures count.
        parity_memory: for how long reports of parity count, microseconds.
        clock: microseconds UTC.
    """

    store: Store
    blobs: Blobs
    trust: Trust
    parity_memory: int
    clock: Clock

    async def publish(self, version: Version, reason: str) -> tuple[Version, bool, Receipt]:
        """Store *version* and make it the candidate, unless it is there; return what is stored, and whether it is new.

        Raises:
            RefusedError: its name stands for another asset class.
        """
        async with self.store.changing(version.name) as change:
            known = await change.asset_class()
            if known not in (None, version.asset_class):
                raise RefusedError(f"{version.name} is a model of class {known}, not {version.asset_class}: rename it")
            stored = await change.version(version.version)
            key, go = version.author_key, version.go
            details: Details = {"digest": version.digest, "author": version.author, "key": key, "go": go}
            action = "published_again" if stored else "published"
            receipt = await self._log(change, version.publisher, action, version.name, version.version, reason, details)
            if stored:
                return stored, False, receipt
            new = replace(version, entry=receipt.number)
            await change.add_version(new)
            await change.assign(Assigned("candidate", new.version, since=new.published, entry=new.entry))
            return new, True, receipt

    async def ask(
        self, name: str, version: str, alias: str, share: int, who: str, reason: str
    ) -> tuple[Request, Parity, Receipt]:
        """Ask for *version* to act.

        Raises:
            UnknownError: there is no such version.
            RefusedError: a rule forbids it, or its features differ in production.
        """
        check_reason(reason)
        parity = await self._checked_parity(name, version, alias, who, reason)
        async with self.store.changing(name) as change:
            model = await _existing(change, name, version)
            holder = (await change.assignments()).get(alias)
            share = share or (WHOLE if alias == "production" else share)
            wish = Wish(version, alias, share, holder.version if holder else "", who)
            check_request(wish, go=model.go)
            details: Details = {"alias": alias, "share_permille": share, "replaces": wish.replaces, **_measured(parity)}
            receipt = await self._log(change, who, "requested", name, version, reason, details)
            return await change.add_request(wish, reason, self.clock(), receipt.number), parity, receipt

    async def approve(
        self, number: int, signature: bytes, who: str, reason: str
    ) -> tuple[Assigned, Version, Parity, Receipt]:
        """Let a request through.

        Raises:
            UnknownError: there is no such request.
            RefusedError: a rule forbids it, its features differ in production, or its ground has changed
                (`OutrunError`).
            BundleError: the approver's signature does not count.
        """
        check_reason(reason)
        asked = _known(await self.store.request(number), number)
        check_decision(asked.wish, who)
        name = asked.name
        parity = await self._checked_parity(name, asked.wish.version, asked.wish.alias, who, reason)
        async with self.store.changing(name) as change:
            request = _known(await change.request(number), number)  # again, now that nobody else can change it
            wish = request.wish
            check_decision(wish, who)
            held = await change.assignments()
            check_ground(wish, held[wish.alias].version if wish.alias in held else "")
            model = await _existing(change, name, wish.version)
            back = (
                wish.alias == "production" and wish.alias in held and await _goes_back(change, model, held[wish.alias])
            )
            signed = await self._signed(model, signature, wish.alias, wish.share_permille, rollback=back)
            assigned = await self._checked(change, signed, signature, model, wish)
            details = _approval(signed, wish.alias, wish.share_permille) | {
                "request": number,
                "requester": wish.requester,
                **_measured(parity),
            }
            receipt = await self._log(change, who, "approved", name, wish.version, reason, details)
            await change.decide(number, "approved", who, reason, self.clock())
            return await _move(change, replace(assigned, entry=receipt.number), held), model, parity, receipt

    async def reject(self, number: int, who: str, reason: str) -> tuple[Request, Receipt]:
        """Turn a request down.

        Raises:
            UnknownError: there is no such request.
            RefusedError: it is decided already, or one's own.
        """
        check_reason(reason)
        name = _known(await self.store.request(number), number).name
        async with self.store.changing(name) as change:
            request = _known(await change.request(number), number)
            check_decision(request.wish, who)
            receipt = await self._log(change, who, "rejected", name, request.wish.version, reason, {"request": number})
            await change.decide(number, "rejected", who, reason, self.clock())
            return _known(await change.request(number), number), receipt

    async def roll_back(self, name: str, signature: bytes, who: str, reason: str) -> tuple[Assigned, Version, Receipt]:
        """Make the previous version act again. It has been through four eyes once, so one approver is enough.

        Raises:
            UnknownError: nothing was in production before.
            RefusedError: a rule forbids it.
            BundleError: the approver's signature does not count.
        """
        check_reason(reason)
        async with self.store.changing(name) as change:
            held = await change.assignments()
            if "previous" not in held:
                raise UnknownError(f"there is no previous version of {name!r} to roll back to")
            wish = Wish(held["previous"].version, "production", WHOLE, held["production"].version, who)
            model = await _existing(change, name, wish.version)
            signed = await self._signed(model, signature, wish.alias, WHOLE, rollback=True)
            assigned = await self._checked(change, signed, signature, model, wish)
            details = _approval(signed, wish.alias, WHOLE) | {"replaces": wish.replaces}
            receipt = await self._log(change, who, "rolled_back", name, wish.version, reason, details)
            return await _move(change, replace(assigned, entry=receipt.number), held), model, receipt

    async def assign(self, name: str, alias: str, version: str, who: str, reason: str) -> Receipt:
        """Give or end an alias that does not act, or end a canary; an empty *version* ends it.

        Raises:
            UnknownError: there is no such version.
            RefusedError: the alias is given by approval only.
        """
        check_reason(reason)
        if alias not in SILENT and not (alias == "canary" and not version):
            raise RefusedError(f"{alias or 'no alias'} is not given this way: only {', '.join(SILENT)} (canary: ended)")
        async with self.store.changing(name) as change:
            held = await change.assignments()
            if version:
                await _existing(change, name, version)
            elif alias not in held:
                raise UnknownError(f"{name!r} has no {alias}")
            subject = version or held[alias].version
            action = "assigned" if version else "withdrawn"
            receipt = await self._log(change, who, action, name, subject, reason, {"alias": alias})
            if version:
                await change.assign(Assigned(alias, version, since=self.clock(), entry=receipt.number))
            else:
                await change.withdraw(alias)
            return receipt

    async def report_parity(self, report: ParityReport) -> Parity:
        """Add a report of parity, and return all that is known of its feature definition with it.

        The first mismatch after a time without any is written into the audit log, for it stops promotions.

        Raises:
            ReportError: the report cannot be right.
        """
        check_report(report)
        since = self.clock() - self.parity_memory
        async with self.store.changing(report.definition) as change:
            before = await change.parity(report.definition, since)
            await change.add_parity(report)
            if report.mismatches and not before.mismatches:
                details: Details = {
                    "definition": report.definition,
                    "checked": report.checked,
                    "mismatches": report.mismatches,
                }
                await self._log(change, report.reporter, "parity_broken", "", "", "", details)
            return await change.parity(report.definition, since)

    async def parity(self, definition: str) -> Parity:
        """Return what was reported of a feature definition and is not forgotten."""
        return await self.store.parity(definition, self.clock() - self.parity_memory)

    async def _checked_parity(self, name: str, version: str, alias: str, who: str, reason: str) -> Parity:
        """Return what is known of the parity of a version's features; a refusal is written down before it is raised."""
        async with self.store.changing(name) as change:
            model = await _existing(change, name, version)
            parity = await change.parity(model.feature_hash, self.clock() - self.parity_memory)
            try:
                check_parity(parity)
            except RefusedError as error:
                details: Details = {"alias": alias, "refused": str(error), **_measured(parity)}
                await self._log(change, who, "refused", name, version, reason, details)
                refusal = error
            else:
                return parity
        raise refusal

    async def _signed(self, model: Version, signature: bytes, alias: str, share: int, *, rollback: bool) -> Signature:
        """Return the approver's signature, once it counts and says what is to be approved."""
        async with self.blobs.laid_out(model.digests) as folder:
            author = await asyncio.to_thread(self.trust.verify, folder, model.author_signature, Role.AUTHOR)
            signed = await asyncio.to_thread(self.trust.verify, folder, signature, Role.APPROVER)
        check_four_eyes(author, signed)
        wanted = {
            "name": model.name,
            "version": model.version,
            "alias": alias,
            "share_permille": share,
            "rollback": rollback,
        }
        said = {field: signed.statement.get(field) for field in wanted}
        if said != wanted:
            raise RefusedError(f"the signature approves {said}, not {wanted}: sign again")
        return signed

    async def _checked(
        self, change: Change, signed: Signature, signature: bytes, model: Version, wish: Wish
    ) -> Assigned:
        serial = signed.statement.get("serial")
        if not isinstance(serial, int):
            raise RefusedError("the signature names no serial: sign with `andon registry approve`")
        check_serial(serial, await change.last_serial(), self.clock())
        return Assigned(
            alias=wish.alias,
            version=model.version,
            share_permille=wish.share_permille,
            approver_signature=signature,
            approver=signed.signer,
            serial=serial,
            since=self.clock(),
        )

    async def _log(
        self,
        change: Change,
        who: str,
        action: str,
        name: str,
        version: str,
        reason: str,
        details: Details,
    ) -> Receipt:
        return await change.log(Act(self.clock(), who, action, name, version, {"reason": reason, **details}))


def _measured(parity: Parity) -> Details:
    return {"parity_checked": parity.checked, "parity_mismatches": parity.mismatches}


def _known(request: Request | None, number: int) -> Request:
    if request is None:
        raise UnknownError(f"there is no request {number}")
    return request


async def _existing(change: Change, name: str, version: str) -> Version:
    found = await change.version(version)
    if found is None:
        raise UnknownError(f"there is no version {version!r} of {name!r}")
    return found


async def _goes_back(change: Change, model: Version, acting: Assigned) -> bool:
    """Return whether *model* is older than what acts now; the approver must have signed that this is meant."""
    return model.created < (await _existing(change, model.name, acting.version)).created


def _approval(signed: Signature, alias: str, share: int) -> Details:
    serial = signed.statement["serial"]
    return {"alias": alias, "share_permille": share, "approver": signed.signer, "key": signed.key, "serial": serial}


async def _move(change: Change, assigned: Assigned, held: Mapping[str, Assigned]) -> Assigned:
    """Let the alias stand for the approved version, which is returned; what production was becomes previous."""
    await change.assign(assigned)
    if assigned.alias == "production":
        if "production" in held:
            former = replace(held["production"], alias="previous", since=assigned.since, entry=assigned.entry)
            await change.assign(former)
        if "canary" in held and held["canary"].version == assigned.version:
            await change.withdraw("canary")
    return assigned

"""Bytes are in the store whole and under their digest, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from services.registry.blobs import BlobError, FolderBlobs

DATA = b"graph " * 100_000
DIGEST = hashlib.sha256(DATA).hexdigest()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def stored(folder: Path) -> FolderBlobs:
    blobs = FolderBlobs(folder)
    async with blobs.upload() as upload:
        await upload.write(DATA[:7])
        await upload.write(DATA[7:])
        assert await upload.finish(DIGEST) == len(DATA)
    return blobs


@pytest.mark.parametrize("offset", [0, 1, 300_000, len(DATA) - 1, len(DATA), len(DATA) + 5])
async def test_what_was_stored_is_read_from_any_offset_on(tmp_path: Path, offset: int) -> None:
    blobs = await stored(tmp_path)
    assert b"".join([part async for part in blobs.read(DIGEST, offset)]) == DATA[offset:]


async def test_bytes_with_another_digest_are_refused_and_forgotten(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    async with blobs.upload() as upload:
        await upload.write(DATA[:-1])
        with pytest.raises(BlobError, match=DIGEST):
            await upload.finish(DIGEST)
    assert not blobs.has(DIGEST)
    assert not files(tmp_path)


async def test_nothing_half_written_is_ever_served(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    async with blobs.upload() as upload:
        await upload.write(DATA)
        assert not blobs.has(DIGEST)


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    async with blobs.upload() as upload:
        await upload.write(DATA)
        assert files(tmp_path)
    assert not files(tmp_path)


async def test_what_a_killed_process_left_half_written_is_removed_at_the_next_start(tmp_path: Path) -> None:
    await stored(tmp_path)
    (tmp_path / "partial" / "leftover").write_bytes(b"half")
    blobs = FolderBlobs(tmp_path)
    assert not list((tmp_path / "partial").iterdir())
    assert blobs.has(DIGEST)


async def test_the_same_bytes_may_come_twice(tmp_path: Path) -> None:
    await stored(tmp_path)
    assert (await stored(tmp_path)).has(DIGEST)


async def test_files_are_laid_out_for_as_long_as_they_are_looked_at(tmp_path: Path) -> None:
    blobs = await stored(tmp_path)
    async with blobs.laid_out({"model.onnx": DIGEST}) as folder:
        assert (folder / "model.onnx").read_bytes() == DATA
    assert not folder.exists()

"""The files of a recording, read in bounded chunks: names in, tables of text (or typed Parquet) columns out."""

from __future__ import annotations

import codecs
import gzip
import lzma
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from andon.errors import RecordingError
from andon.recordings.mapping import WHITESPACE, Csv, Mapping

_PARQUET_ROWS = 16_384


def find_files(folder: Path, mapping: Mapping) -> list[Path]:
    """Return the recording's files in natural order (``2.csv`` before ``10.csv``).

    Raises:
        RecordingError: there is no such folder, or no file in it that the mapping asks for.
    """
    if not folder.is_dir():
        raise RecordingError(f"recording {folder} is no folder: correct the path, or fetch the recording")
    found = [path for path in folder.glob(mapping.files) if path.is_file()]
    if not found:
        raise RecordingError(f"recording {folder} holds no file {mapping.files!r}: correct `files` in the mapping")
    return sorted(found, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a sort key under which numbers in names count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]


def read_chunks(path: Path, mapping: Mapping, columns: Collection[str], block: int) -> Iterator[pl.DataFrame]:
    """Yield a file's rows, in file order, as tables of the given columns.

    Args:
        path: the file.
        mapping: how it is written.
        columns: the columns that are needed; columns of text files come as strings, empty ones as null.
        block: bytes of text to hold at a time. A transposed file, and one to sort, is read whole.

    Raises:
        RecordingError: the file cannot be read, or lacks a column.
    """
    with _readable(path):
        if mapping.format == "parquet":
            yield from _parquet_chunks(path, columns)
        else:
            with _open(path) as stream:
                yield from _csv_chunks(path, stream, mapping.csv, columns, block)


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if path.suffix == ".xz":
        return cast(BinaryIO, lzma.open(path))
    return path.open("rb")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn the errors of all libraries involved into one that names the file."""
    try:
        yield
    except (OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        raise RecordingError(
            f"{path} cannot be read ({reason}): check that the file is whole, and that `format` and `csv` of the "
            f"mapping (separator, header, encoding) are right"
        ) from error


def _parquet_chunks(path: Path, columns: Collection[str]) -> Iterator[pl.DataFrame]:
    scan = pl.scan_parquet(path, glob=False)
    _check_columns(path, scan.collect_schema().names(), columns)
    yield from scan.select(columns).collect_batches(chunk_size=_PARQUET_ROWS, maintain_order=True)


def _csv_chunks(path: Path, stream: BinaryIO, csv: Csv, columns: Collection[str], block: int) -> Iterator[pl.DataFrame]:
    for _ in range(csv.skip_lines):
        stream.readline()
    if csv.transposed:
        yield _transpose(path, stream.read(), csv, columns)
        return
    names = list(csv.header) or _header(stream.readline(), csv)
    _check_columns(path, names, columns)
    for _ in range(csv.skip_lines_after_header):
        stream.readline()
    for index, lines in enumerate(_whole_lines(stream, block)):
        table = _parse(_tidy(lines, csv), csv, names, columns, first=index == 0)
        if table is not None:
            yield table


def _header(line: bytes, csv: Csv) -> list[str]:
    text = _tidy(line.removeprefix(codecs.BOM_UTF8), csv)
    if not text.strip():
        return []
    row = pl.read_csv(text, has_header=False, infer_schema=False, separator=_separator(csv)).row(0)
    return [str(name or "").strip() for name in row]


def _check_columns(path: Path, names: list[str], columns: Collection[str]) -> None:
    if not names:
        raise RecordingError(f"{path} is empty: take it out of the recording, or narrow `files` in the mapping")
    for column in columns:
        if names.count(column) != 1:
            problem = "has two columns" if column in names else "has no column"
            raise RecordingError(
                f"{path} {problem} {column!r}; its columns are {', '.join(map(repr, names))}: "
                f"correct the mapping (`assets`, `time`, `csv.separator` or `csv.header`)"
            )


def _whole_lines(stream: BinaryIO, block: int) -> Iterator[bytes]:
    """Yield the rest of a stream in pieces of about *block* bytes that end with a line (no text spans lines)."""
    rest = b""
    while piece := stream.read(block):
        piece = rest + piece
        end = piece.rfind(b"\n") + 1
        rest = piece[end:]
        if end:
            yield piece[:end]
    if rest:
        yield rest


def _tidy(lines: bytes, csv: Csv) -> bytes:
    """Return UTF-8 text with one separator between fields and no blank lines."""
    if csv.encoding != "utf-8":
        lines = lines.decode(csv.encoding).encode()
    if csv.separator == WHITESPACE:
        # A loop over lines: splitting each is faster than any pattern over the whole text.
        return b"\n".join(b" ".join(fields) for line in lines.splitlines() if (fields := line.split()))
    if lines.startswith((b"\n", b"\r\n")) or b"\n\n" in lines or b"\n\r\n" in lines:
        return b"\n".join(line for line in lines.splitlines() if line)
    return lines


def _separator(csv: Csv) -> str:
    return " " if csv.separator == WHITESPACE else csv.separator


def _parse(text: bytes, csv: Csv, names: list[str], columns: Collection[str], *, first: bool) -> pl.DataFrame | None:
    """Return the columns as strings, or None where there is no line.

    A line with too many fields is an error; one with too few is filled with null, as the last line of a
    recording is that was cut off. A whole first chunk with too few fields means another separator.
    """
    if not text.strip():
        return None
    return pl.read_csv(
        text,
        has_header=False,
        schema={name if name in columns else f"#{index}": pl.String for index, name in enumerate(names)},
        columns=[names.index(column) for column in columns],
        separator=_separator(csv),
        null_values=list(csv.null_values) or None,
        missing_columns="raise" if first else "insert",
    )


def _transpose(path: Path, text: bytes, csv: Csv, columns: Collection[str]) -> pl.DataFrame:
    lines = _tidy(text.removeprefix(codecs.BOM_UTF8), csv)
    if not lines.strip():
        _check_columns(path, [], columns)
    signals = pl.read_csv(
        lines,
        has_header=False,
        infer_schema=False,
        separator=_separator(csv),
        null_values=list(csv.null_values) or None,
    )
    names = list(csv.header)
    if not names:
        first, *others = signals.columns
        names, signals = signals[first].to_list(), signals.select(others)
    if len(names) != signals.height:
        raise RecordingError(f"{path} has {signals.height} lines, `csv.header` of the mapping names {len(names)}")
    _check_columns(path, names, columns)
    return signals.transpose(column_names=names).select(columns)

"""The text of a file: UTF-8, or UTF-16 and UTF-32 with a byte order mark; anything else is refused by name."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from simulator.data.data_error import DataError

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
NOT_TEXT = (
    (b"\x1f\x8b", "is compressed with gzip: unpack it first, with `gunzip`"),
    (b"BZh", "is compressed with bzip2: unpack it first, with `bunzip2`"),
    (b"\xfd7zXZ\x00", "is compressed with xz: unpack it first, with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first, with `unzstd`"),
    (b"PK\x03\x04", "is an Excel workbook or a zip archive: give it the ending .xlsx, or unpack it first"),
    (b"\xd0\xcf\x11\xe0", "is a workbook of an old Excel: save it as .xlsx or as CSV UTF-8"),
    (b"PAR1", "is a Parquet file: give it the ending .parquet"),
)
LINE_BREAK = re.compile(r"\r\n|\n|\r")
CHARACTERS_AROUND = 12


def read_text(path: Path) -> str:
    """The text of a file without its byte order mark; line breaks are left as they are.

    Raises DataError for a file that cannot be opened, is not text, or has another encoding.
    """
    with opened(path) as file:
        content = file.read()
    for start, what in NOT_TEXT:
        if content.startswith(start):
            raise DataError(f"{path} {what}.")
    mark, encoding = next(((m, e) for m, e in BYTE_ORDER_MARKS if content.startswith(m)), (b"", "utf-8"))
    content = content[len(mark) :]
    if encoding == "utf-8" and b"\x00" in content:
        raise DataError(f"{path}{_about_nul(content)}")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        raise DataError(f"{path}{_about_bytes(content, encoding, problem)}") from None
    if "\x00" in text:
        raise DataError(f"{path}: {_about_nul_in_line(line_number(text, text.index(chr(0))))}")
    return text.lstrip("\ufeff")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading bytes. Raises DataError if it cannot be opened."""
    with access_to(path):
        file = path.open("rb")
    with file:
        yield file


@contextmanager
def access_to(path: Path) -> Iterator[None]:
    """Raise DataError with the path if it is missing or cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check its name and folder") from None
    except OSError as problem:
        raise DataError(f"{path} cannot be opened: {problem.strerror or problem}") from None


def line_number(text: str, position: int) -> int:
    """The number of the line, from 1 as an editor counts, that holds the character at this position."""
    return 1 + sum(1 for _ in LINE_BREAK.finditer(text, 0, position))


def _about_nul(content: bytes) -> str:
    beginning = content[:1000]
    if beginning.count(0) * 4 >= len(beginning):
        return " looks like UTF-16 without the mark that says so (BOM). Save it as UTF-8."
    before = content[: content.index(0)].decode("utf-8", "replace")
    return f": {_about_nul_in_line(line_number(before, len(before)))}"


def _about_nul_in_line(line: int) -> str:
    return f"line {line} holds a NUL character, so the file is damaged or not a text: write or copy it again."


def _about_bytes(content: bytes, encoding: str, problem: UnicodeDecodeError) -> str:
    before = content[: problem.start].decode(encoding)
    line = line_number(before, len(before))
    wrong = " ".join(f"{byte:02X}" for byte in content[problem.start : problem.end])
    if encoding != "utf-8":
        return (
            f": line {line} holds bytes ({wrong}) that are not {encoding.upper()}, which the mark at the start of the "
            "file promises. The file may be incomplete or damaged: write or copy it again, best as UTF-8."
        )
    if problem.reason == "unexpected end of data":
        return (
            f": line {line}, the last one, ends in the middle of a character ({wrong}). The file may be incomplete: "
            "write or copy it again."
        )
    if not before.isascii():
        return (
            f": line {line} holds the byte {wrong}, which is not UTF-8, although lines before it are. The file may be "
            "damaged or made of parts with different encodings: save all of it as UTF-8."
        )
    return (
        f": line {line} holds the byte {wrong}, so the encoding is not UTF-8{_as_windows(content, problem.start)}. "
        'Save the file as UTF-8 (in Excel: "CSV UTF-8"), or convert it with '
        "`iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`."
    )


def _as_windows(content: bytes, start: int) -> str:
    """How the place reads in the encoding that is most often meant, for people to judge; "" if it has none there."""
    around = content[max(0, start - CHARACTERS_AROUND) : start + CHARACTERS_AROUND]
    try:
        text = around.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    word_before = re.search(r"\S*$", text[: min(start, CHARACTERS_AROUND)])
    word_after = re.match(r"\S*", text[min(start, CHARACTERS_AROUND) :])
    word = (word_before[0] if word_before else "") + (word_after[0] if word_after else "")
    return f"; in Windows-1252 (close to latin-1) the word there is {word!r}"

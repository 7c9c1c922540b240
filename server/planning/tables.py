"""Reading one table or one YAML file into structs, with the place and the cure for whatever is wrong.

Tables are CSV in UTF-8 with a header, as people keep them in a spreadsheet: a byte order mark, blank lines and
spaces around a cell are taken in silence; everything else that does not fit is a Problem `file_invalid`.
"""

import csv
import datetime as dt
import io
import re
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, NoReturn, TypeVar, get_args, get_origin

import msgspec

from server.planning.yaml_marks import read_yaml
from shared_schema.problems import Problem

R = TypeVar("R", bound=msgspec.Struct)

YES_NO = {"y": True, "n": False}


class Table(NamedTuple, Generic[R]):
    """The rows of one file with their line numbers."""

    file: str
    rows: list[tuple[int, R]]

    def values(self) -> list[R]:
        """The rows without their lines."""
        return [row for _, row in self.rows]

    def must(self, column: str, holds: Callable[[R], bool], cure: str) -> None:
        """Raise file_invalid at the first row for which this does not hold."""
        for line, row in self.rows:
            if not holds(row):
                invalid(self.file, line, column, cure)

    def must_be_unique(self, *columns: str) -> None:
        """Raise file_invalid at the first row that repeats the values of these columns."""
        first: dict[tuple[object, ...], int] = {}
        for line, row in self.rows:
            key = tuple(getattr(row, column) for column in columns)
            if key in first:
                invalid(
                    self.file,
                    line,
                    columns[-1],
                    f"与第 {first[key]} 行重复 / the same as in line {first[key]}",
                )
            first[key] = line


def invalid(file: str, line: int, column: str, cure: str) -> NoReturn:
    """Raise the Problem that names the place and says what to do about it, in both languages."""
    raise Problem("file_invalid", file=file, line=line, column=column, cure=cure)


def read_table(path: Path, row_type: type[R]) -> Table[R]:
    """The rows of a CSV file whose columns are the fields of `row_type`, in any order."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(row_type)}
    lines = _csv_lines(path)
    header_line, header = next(lines, (1, []))
    _check_header(path.name, header_line, header, fields)
    rows = []
    for line, cells in lines:
        if len(cells) != len(header):
            cure = f"应有 {len(header)} 列，实有 {len(cells)} 列 / {len(header)} cells are needed, {len(cells)} found"
            invalid(path.name, line, header[min(len(cells), len(header)) - 1], cure)
        values = {
            column: _cell(path.name, line, fields[column], text)
            for column, text in zip(header, cells, strict=True)
        }
        rows.append((line, msgspec.convert(values, row_type)))
    return Table(path.name, rows)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        invalid(path.name, 0, "", "没有这个文件 / there is no such file")


def _text(path: Path) -> str:
    content = _bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        invalid(path.name, line, "", "不是 UTF-8，请另存为“CSV UTF-8” / not UTF-8: save it as CSV UTF-8")


def _csv_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error:
        invalid(path.name, reader.line_num, "", "引号没有成对 / a quotation mark is not closed")


def _check_header(file: str, line: int, header: list[str], fields: Mapping[str, Any]) -> None:
    for column in header:
        if column not in fields:
            invalid(
                file,
                line,
                column,
                f"没有这一列，可用：{_list(fields)} / no such column; there are: {_list(fields)}",
            )
        if header.count(column) > 1:
            invalid(file, line, column, "此列重复 / this column is there twice")
    for column, field in fields.items():
        if field.required and column not in header:
            invalid(file, line, column, "缺少这一列 / this column is missing")


def _list(words: Mapping[str, Any] | tuple[str, ...]) -> str:
    return ", ".join(words)


def _cell(file: str, line: int, field: msgspec.structs.FieldInfo, text: str) -> Any:
    """The value of one cell, by the type of its field."""
    kind = field.type
    if not text:
        if field.required and get_origin(kind) is not tuple:
            invalid(file, line, field.encode_name, "此格不能为空 / this cell must not be empty")
        return () if field.required else field.default
    if kind is bool:
        if text not in YES_NO:
            invalid(file, line, field.encode_name, "请填 y 或 n / write y or n")
        return YES_NO[text]
    if get_origin(kind) is tuple:
        return tuple(text.split())
    if get_origin(kind) is Literal and text not in get_args(kind):
        words = _list(get_args(kind))
        invalid(file, line, field.encode_name, f"请填其中之一：{words} / write one of: {words}")
    if kind is dt.date or (isinstance(kind, types.UnionType) and dt.date in get_args(kind)):
        return _date(file, line, field.encode_name, text)
    return text


def _date(file: str, line: int, column: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        invalid(file, line, column, "日期写作 2026-05-11 / write a date as 2026-05-11")


def read_struct(path: Path, struct: type[R]) -> R:
    """The struct a YAML file holds; what does not fit is named by its path in the file."""
    written = read_yaml(_bytes(path), path.name)
    try:
        return msgspec.convert(written.data, struct)
    except msgspec.ValidationError as err:
        message, _, place = str(err).partition(" - at `$")
        steps = [step for step in re.split(r"[.\[\]]+", place.rstrip("`")) if step]
        line = written.line(tuple(int(step) if step.isdigit() else step for step in steps))
        invalid(path.name, line, ".".join(steps), f"内容不符 / does not fit: {message}")

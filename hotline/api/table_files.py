"""Transfer tables as files: an upload read within its limit, and a table given out under its Chinese name."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import UploadFile
from starlette.types import Message

from hotline.api.fields import Why
from hotline.api.problems import Fault, ProblemError
from routing.tables.files import MAX_BYTES, write_csv, write_xlsx
from routing.tables.model import Line
from routing.tables.states import ImportMode

_AROUND = 64 * 1024  # what a form has besides its file
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Format(StrEnum):
    """The kinds of file a table is given out as."""

    CSV = "csv"  # UTF-8 with a byte order mark, which Excel opens rightly
    CSV_GBK = "csv-gbk"  # GB 18030, for old Chinese programs
    XLSX = "xlsx"


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: Why
    mode: ImportMode = ImportMode.MERGE
    dry_run: bool = False


@dataclass(frozen=True)
class Upload:
    """A file and what shall become of it."""

    name: str
    data: bytes
    why: str
    mode: ImportMode
    dry_run: bool


FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "why"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": f"CSV or XLSX, at most {MAX_BYTES // 2**20} MiB.",
                        },
                        "why": {"type": "string", "minLength": 1, "maxLength": 500},
                        "mode": {
                            "type": "string",
                            "enum": list(ImportMode),
                            "default": ImportMode.MERGE,
                            "description": "`replace`: the file is the whole table. `merge`: other numbers stay.",
                        },
                        "dry_run": {
                            "type": "boolean",
                            "default": False,
                            "description": "Only say what it would come to; make nothing.",
                        },
                    },
                }
            }
        },
    }
}


async def read_upload(request: Request) -> Upload:
    """The form of an import; a dependency, so that nobody's file is read before it is known who sends it.

    Raises 413 as soon as more comes than is allowed, whatever the headers said.
    """
    bounded = Request(request.scope, _bounded(request, MAX_BYTES + _AROUND))
    async with bounded.form(max_files=1, max_fields=8, max_part_size=_AROUND) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise _invalid("body.file", "must be a file in a form of the type multipart/form-data")
        try:
            fields = _Fields.model_validate({name: value for name, value in form.multi_items() if name != "file"})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(["body", *map(str, first["loc"])])
            raise _invalid(field, f"{first['msg'][0].lower()}{first['msg'][1:]}") from None
        return Upload(file.filename or "", await file.read(), fields.why, fields.mode, fields.dry_run)


async def download(lines: tuple[Line, ...], name: str, kind: Format) -> Response:
    """A table as a file; ``name`` is its name without the ending, in Chinese."""
    content = await asyncio.to_thread(_write, lines, kind)
    ending = "xlsx" if kind is Format.XLSX else "csv"
    media = {Format.CSV: "text/csv; charset=utf-8", Format.CSV_GBK: "text/csv; charset=gb18030", Format.XLSX: _XLSX}
    headers = {"Content-Disposition": _disposition(f"{name}.{ending}"), "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media[kind], headers=headers)


def _write(lines: tuple[Line, ...], kind: Format) -> bytes:
    if kind is Format.XLSX:
        return write_xlsx(lines)
    return write_csv(lines, encoding="gb18030" if kind is Format.CSV_GBK else "utf-8-sig")


def _disposition(name: str) -> str:
    """RFC 6266 with the name as in RFC 8187, and a plain one for those who know neither."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
    return f"attachment; filename=\"table-{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _bounded(request: Request, limit: int) -> Callable[[], Awaitable[Message]]:
    """The request's body, ended with a 413 when it is longer than ``limit`` bytes."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, f"文件太大，最多{MAX_BYTES // 2**20}MiB；请删除多余的行或工作表")
        return message

    return receive


def _invalid(field: str, reason: str) -> ProblemError:
    return ProblemError(422, "request-invalid", f"{field}: {reason}", faults=[Fault(field=field, reason=reason)])

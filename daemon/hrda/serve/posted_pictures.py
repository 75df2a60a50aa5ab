"""The pictures in the body of a request, within the limits; no pixel is decoded here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Request

from daemon import pixels
from daemon.domain.errors import ImageRefused
from daemon.hrda.serve.answers import TYPES, Form, answer_bytes
from daemon.hrda.serve.request_errors import RequestRefused
from daemon.runs.model_requests import ServeLimits

MULTIPART = "multipart/form-data"
RAW = "application/octet-stream"
_NAME_CHARACTERS = 200
_ZIP = "application/zip"


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A picture of a request. name: as the client calls it, "" for none; only repeated to it."""

    name: str
    content: bytes
    size: tuple[int, int]


def posted_pictures(request: Request, limits: ServeLimits) -> tuple[Sequence[Posted], bool]:
    """The pictures, and whether they are a batch. Raises RequestRefused, ImageRefused."""
    kind = request.mimetype
    if kind == MULTIPART:
        files = [file for _, file in request.files.items(multi=True)]
        _require_count(len(files), limits)
        return [
            _picture(file.read(), _cut(file.filename), f"image {number}", limits)
            for number, file in enumerate(files)
        ], True
    if kind.startswith("image/") or kind == RAW:
        return [_picture(request.get_data(cache=False), "", "image", limits)], False
    raise RequestRefused(
        415,
        "content_type",
        got=f"the content type {_cut(kind)!r}",
        expected=f"the bytes of one picture as image/* or {RAW}, or several as {MULTIPART}",
        cure="set the header Content-Type",
    )


def require_answer_fits(
    form: Form, pictures: Sequence[Posted], classes: int, limits: ServeLimits
) -> None:
    """Raise RequestRefused where the answer would be larger than the limit."""
    size = sum(answer_bytes(form, one.size, classes) for one in pictures)
    if size > limits.answer_megabytes * 1e6:
        raise RequestRefused(
            413,
            "answer_too_large",
            got=f"an answer of up to {size / 1e6:.0f} megabytes",
            expected=f"at most {limits.answer_megabytes:g}",
            cure="send fewer or smaller pictures, or ask for another format",
        )


def wanted_form(
    query: Mapping[str, str], accept: Sequence[tuple[str, float]], *, batch: bool
) -> Form:
    """The form that ?format= or else the Accept header asks for, best first. Raises
    RequestRefused."""
    name = query.get("format")
    if name is not None:
        if name in set(Form):
            return Form(name)
        got = f"format={_cut(name)}"
        raise RequestRefused(400, "format", got=got, expected=", ".join(Form), cure="name one")
    forms = {kind: form for form, kind in TYPES.items()} | {_ZIP: Form.PNG}
    usual = Form.RLE if batch else Form.PNG
    if not accept:
        return usual
    for kind, quality in accept:
        if quality > 0 and kind in forms:
            return forms[kind]
        if quality > 0 and kind in ("*/*", "image/*", "application/*"):
            return usual
    got = f"Accept: {_cut(', '.join(kind for kind, _ in accept))}"
    raise RequestRefused(
        406, "accept", got=got, expected=", ".join(forms), cure="ask for one, or use ?format="
    )


def _picture(content: bytes, name: str, where: str, limits: ServeLimits) -> Posted:
    """Raises ImageRefused for what is no picture, or has too many pixels."""
    header = pixels.read_header(content, where=where)
    if header.height_px * header.width_px > round(limits.megapixels * 1e6):
        raise ImageRefused(
            got=f"{header.width_px}x{header.height_px} pixels",
            expected=f"at most {limits.megapixels:g} megapixels, the limit of this server",
            cure="scale the picture down, or serve with a larger --max-megapixels",
        ).at(where)
    return Posted(name=name, content=content, size=(header.height_px, header.width_px))


def _require_count(count: int, limits: ServeLimits) -> None:
    if 1 <= count <= limits.images:
        return
    raise RequestRefused(
        413 if count else 400,
        "images",
        got=f"{count} pictures",
        expected=f"1 to {limits.images} files in the form",
        cure="send each picture as a file of the form, more of them in further requests",
    )


def _cut(text: str | None) -> str:
    return (text or "")[:_NAME_CHARACTERS]

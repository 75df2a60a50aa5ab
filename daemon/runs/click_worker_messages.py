"""What is said between the web process and its worker, which turns clicks into masks.

`python -m daemon.hrda clicks RUN_FOLDER` reads one question a line from its standard input and
writes one answer a line to its standard output, in the order of the questions, one at a time. Its
first line says that the model is loaded (`WorkerReady`). It ends with its standard input. Both
sides check each line: a line that says something else is an error, never a guess. Without torch.
"""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, Self

import numpy as np
from PIL import Image as Pillow
from pydantic import Field, StrictBool, StrictInt, ValidationError, model_validator

from daemon.clicks.click import Click, FloatMap, ObjectProbability
from daemon.domain.errors import RunFailed
from daemon.runs.records import Record

SAM = "sam"  # the engine of SamFiles
MAX_QUESTION_BYTES = 2**16  # of a line, its newline included
MAX_ANSWER_BYTES = 2**25
MAX_CLICKS = 60
MAX_SIDE_PX = 2**16
MAX_PIXELS = 40_000_000  # of an image, and so of a crop

_BROKEN = (binascii.Error, ValueError, OSError, SyntaxError)  # what a broken PNG raises

Place = Annotated[StrictInt, Field(ge=0, lt=MAX_SIDE_PX)]
Side = Annotated[StrictInt, Field(ge=1, le=MAX_SIDE_PX)]
Id = Annotated[str, Field(max_length=200)]


class SamFiles(Record):
    """ONNX files of Segment Anything, with the SHA-256 of each: 64 hexadecimal digits."""

    encoder: Path
    decoder: Path
    encoder_sha256: str
    decoder_sha256: str


class ClicksRequest(Record):
    """request.json of a worker. checkpoint: what `train-clicks` wrote; sam: files of another
    engine; one of the two is None. version: of the model whose probabilities are the priors, "" for
    none; for its answers' receipts only."""

    kind: Literal["clicks"] = "clicks"
    checkpoint: Path | None = None
    sam: SamFiles | None = None
    version: str = ""
    classes: tuple[str, ...]
    device: str = "auto"
    threads: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_one_engine(self) -> Self:
        if (self.checkpoint is None) == (self.sam is None):
            raise ValueError("expected either a checkpoint or the files of SAM")
        return self


class WorkerQuestion(Record):
    """Which object do these clicks mean?

    image: file. clicks: (x, y, positive), pixels of the image as it is displayed, in the order in
    which they were made. prior: PNG of the PriorMap of the image (8 bits, stride 4); None without.
    usual_area_px: see ClickQuestion.
    """

    id: Id
    image: Path
    clicks: Annotated[
        tuple[tuple[Place, Place, StrictBool], ...], Field(min_length=1, max_length=MAX_CLICKS)
    ]
    prior: Path | None = None
    usual_area_px: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    def made_clicks(self) -> tuple[Click, ...]:
        """The clicks as every engine knows them."""
        return tuple(Click(x=x, y=y, positive=positive) for x, y, positive in self.clicks)


class WorkerAnswer(Record):
    """The object of the question `id`: a crop at (left, top) of the image; outside of it is none.

    probability: base64 of a PNG of height x width pixels, 8 bits, 0 to 255 for 0 to 1; from 128 on
    a pixel belongs to the object. ms: milliseconds that the worker spent.
    """

    id: Id
    left: Place
    top: Place
    height: Side
    width: Side
    probability: str
    ms: float = Field(ge=0)

    def object_probability(self) -> ObjectProbability:
        """The crop. Raises RunFailed unless it is a PNG of the stated size."""
        try:
            values = self._decoded()
        except (*_BROKEN, Pillow.DecompressionBombError) as exc:
            raise RunFailed(f"answer {self.id!r}: its crop cannot be read: {exc}") from exc
        return ObjectProbability(left=self.left, top=self.top, values=values / np.float32(255))

    def _decoded(self) -> FloatMap:
        content = base64.b64decode(self.probability, validate=True)
        with Pillow.open(io.BytesIO(content), formats=["PNG"]) as picture:
            got = (picture.mode, picture.height, picture.width)
            if got != ("L", self.height, self.width) or got[1] * got[2] > MAX_PIXELS:
                raise ValueError(f"got {got}, expected 8 bits, {self.height} x {self.width}")
            return np.asarray(picture, dtype=np.float32)


class WorkerError(Record):
    """Why there is no answer. id: of the question; "" where that could not be read."""

    id: Id
    error: str


class WorkerReady(Record):
    """The first line: the model is loaded. ready: the name of its engine."""

    ready: str


WorkerLine = WorkerAnswer | WorkerError | WorkerReady


class BadLine(Exception):
    """A line that is no question. id: of the question, "" where that cannot be read."""

    def __init__(self, id: str, why: str) -> None:
        super().__init__(why)
        self.id = id


def line_of(message: Record) -> bytes:
    """The message as one line."""
    return message.model_dump_json().encode() + b"\n"


def answer_of(id: str, found: ObjectProbability, ms: float) -> WorkerAnswer:
    """The answer with this crop, rounded so that 0.5 and more stay 0.5 and more."""
    values = np.rint(found.values * np.float32(255)).astype(np.uint8)
    png = io.BytesIO()
    Pillow.fromarray(values).save(png, format="PNG", compress_level=1)
    height, width = values.shape
    return WorkerAnswer(
        id=id,
        left=found.left,
        top=found.top,
        height=height,
        width=width,
        probability=base64.b64encode(png.getvalue()).decode(),
        ms=ms,
    )


def next_line(stream: BinaryIO, most_bytes: int) -> bytes | None:
    """The next line; None at the end. Of one that is longer all is read and only the start kept.

    A line without its newline, which somebody died writing, is the end.
    """
    line = stream.readline(most_bytes)
    rest = line
    while rest and not rest.endswith(b"\n"):
        rest = stream.readline(most_bytes)
    return line if rest else None


def read_question(line: bytes) -> WorkerQuestion:
    """The question of a line of `next_line`. Raises BadLine."""
    if not line.endswith(b"\n"):
        raise BadLine("", f"a line of more than {MAX_QUESTION_BYTES} bytes")
    try:
        return WorkerQuestion.model_validate_json(line)
    except ValidationError as exc:
        raise BadLine(_id_in(line), _short(exc)) from exc


def read_answer(line: bytes) -> WorkerLine:
    """What the worker says. Raises RunFailed for a line that is none of ours."""
    for kind in (WorkerAnswer, WorkerError, WorkerReady):
        try:
            return kind.model_validate_json(line)
        except ValidationError:
            continue
    raise RunFailed(f"the worker says {line[:80]!r}; expected an answer, an error or that it is up")


class _OnlyId(Record, extra="ignore"):
    id: Id


def _id_in(line: bytes) -> str:
    try:
        return _OnlyId.model_validate_json(line).id
    except ValidationError:
        return ""


def _short(exc: ValidationError) -> str:
    first = exc.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place or 'line'}: {first['msg']}"

"""The requests of the two runs that hand a model on: `export` and `serve`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from daemon.runs.model_card import ModelFacts
from daemon.runs.records import Record, Request

# The variable of the environment with the token of `serve`: it is in no file.
SERVE_TOKEN = "MASKLOOP_SERVE_TOKEN"


class ExportRequest(Request):
    """Write a model as files that need no Maskloop, into the folder `model` of the run.

    facts: for the card. at: the time that the card states. onnx: also as ONNX, which needs the
    packages of maskloop[export].
    """

    kind: Literal["export"] = "export"
    checkpoint: Path
    facts: ModelFacts
    at: datetime
    onnx: bool = True


class ExportResult(Record):
    """result.json of an export. files: names of what was written."""

    files: tuple[str, ...]
    seconds: float


class ServeLimits(Record):
    """What one request may ask. bytes of a body; images of a batch; megapixels of one image;
    queue: requests that wait; seconds: from the arrival of a request to its answer; megabytes of
    an answer."""

    body_megabytes: float = Field(default=64, gt=0, le=4096)
    images: int = Field(default=16, ge=1, le=1024)
    megapixels: float = Field(default=64, gt=0, le=1000)
    queue: int = Field(default=8, ge=1, le=256)
    seconds: float = Field(default=120, gt=0, le=86_400)
    answer_megabytes: float = Field(default=512, gt=0, le=65_536)


class ServeRequest(Record):
    """Serve a checkpoint, or the one of an export, over HTTP until SIGTERM.

    model: a checkpoint, or the folder of an export. port: 0: any free one. device, threads: as in
    other requests. precision: number format of the network; auto: that of its test figures.
    """

    kind: Literal["serve"] = "serve"
    model: Path
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8070
    device: str = "auto"
    threads: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    limits: ServeLimits = ServeLimits()

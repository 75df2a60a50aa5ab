"""The training of a click network by the quick learner: files and figures, without a network."""

from __future__ import annotations

import os

from daemon.hrda.data.file_reader import FileReader
from daemon.runs.click_records import ClickTrial, TrainClicksRequest, TrainClicksResult
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import RunFolder

REFUSED = "FAKE_CLICKS_REFUSED"  # names of the runs whose network does not serve


def train_clicks(run: RunFolder) -> None:
    """Reads every file, and writes what a training leaves."""
    request = run.read_request(TrainClicksRequest)
    reader = FileReader([*request.labeled, *request.validation])
    read = [reader.labeled_image(file, len(request.classes)) for file in request.labeled]
    with atomic_file(run.checkpoint) as part:
        part.write_text("a click network")
    serves = run.path.name not in os.environ.get(REFUSED, "").split()
    run.write_result(
        TrainClicksResult(
            labels=len(read) - read.count(None),
            objects=len(read),
            iterations=1,
            seconds=0.0,
            cpu_seconds=0.0,
            trial=ClickTrial(engine="prior_walk", serves=serves, why="against prior_walk: told"),
            faults=reader.faults(),
        )
    )

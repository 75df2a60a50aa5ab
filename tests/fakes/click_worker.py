"""A worker that answers clicks without a network: a square around the newest click.

The name of its checkpoint says what it does: plain, slow (every second question is answered when
the next one has come), silent (never answers), dies (at the first question), junk (says something
else), refuses (every question), gated (answers what has the colour of the first click in the
picture, and is ready only while there is a file "go" in its folder).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.clicks.click import ClickQuestion, ObjectProbability
from daemon.runs.click_worker_messages import (
    MAX_QUESTION_BYTES,
    ClicksRequest,
    WorkerAnswer,
    WorkerError,
    WorkerQuestion,
    WorkerReady,
    answer_of,
    line_of,
    next_line,
    read_question,
)
from daemon.runs.run_folder import RunFolder
from tests.fakes.same_colour import SameColour


def main(folder: RunFolder) -> None:
    kind = folder.read_request(ClicksRequest).checkpoint.name
    (folder.path / "pids").open("a").write(f"{os.getpid()}\n")
    while kind == "gated" and not (folder.path / "go").exists():
        time.sleep(0.01)
    out = sys.stdout.buffer
    out.write(b"junk\n" if kind == "junk" else line_of(WorkerReady(ready="click_net")))
    out.flush()
    number, held = 0, list[WorkerQuestion]()
    while (line := next_line(sys.stdin.buffer, MAX_QUESTION_BYTES)) is not None:
        number, question = number + 1, read_question(line)
        if kind == "dies":
            os._exit(9)
        if kind == "silent":
            continue
        held.append(question)
        if kind == "slow" and number % 2 == 0:
            continue
        for one in held:
            out.write(line_of(_ANSWERS.get(kind, _square)(one)))
        held.clear()
        out.flush()


def _square(question: WorkerQuestion) -> WorkerAnswer:
    newest = question.made_clicks()[-1]
    values = np.full((3, 3), 0.9, np.float32)
    found = ObjectProbability(left=max(0, newest.x - 1), top=max(0, newest.y - 1), values=values)
    return answer_of(question.id, found, 1.0)


def _refusal(question: WorkerQuestion) -> WorkerError:
    return WorkerError(id=question.id, error="out of memory")


def _same_colour(question: WorkerQuestion) -> WorkerAnswer:
    with Pillow.open(question.image) as picture:
        asked = ClickQuestion(image=np.asarray(picture), clicks=question.made_clicks())
    return answer_of(question.id, SameColour().segment(asked), 1.0)


_ANSWERS = {"refuses": _refusal, "gated": _same_colour}


if __name__ == "__main__":
    assert sys.argv[1] == "clicks"
    main(RunFolder(Path(sys.argv[2])))

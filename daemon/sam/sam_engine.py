"""The engine `sam`: an answer is a function of the image and the clicks in their order.

The mask that a decoder is given back is computed from the clicks before the last, and kept; where
it is kept no more, it is computed again. So no state belongs to a session.
"""

from __future__ import annotations

import hashlib

from daemon.clicks.border_edit import border_edit
from daemon.clicks.click import Click, ClickQuestion, FloatMap, ObjectProbability, Picture
from daemon.clicks.click_answer import answer_to
from daemon.runs.click_worker_messages import SAM
from daemon.sam.recent_values import RecentValues
from daemon.sam.sam_graphs import Embedding, SamGraphs
from daemon.sam.sam_masks import at_image_scale, chosen_mask

MOST_EMBEDDINGS = 64  # of 2 MiB each
MOST_MASKS = 64  # of 256 KiB each


class SamEngine:
    """Answers with the decoder. It knows neither priors nor initial masks. Thread-safe."""

    name = SAM

    def __init__(
        self,
        graphs: SamGraphs,
        *,
        most_embeddings: int = MOST_EMBEDDINGS,
        most_masks: int = MOST_MASKS,
    ) -> None:
        self._graphs = graphs
        self.embeddings: RecentValues[Embedding] = RecentValues(most_embeddings)
        self.masks: RecentValues[FloatMap] = RecentValues(most_masks)

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """The object that the clicks mean; see ClickEngine. Raises RunFailed for a result of the
        files that is none."""
        edited = border_edit(question)
        return self._found(question) if edited is None else edited

    def _found(self, question: ClickQuestion) -> ObjectProbability:
        size = (question.image.shape[0], question.image.shape[1])
        return answer_to(
            question, at_image_scale(self._logits(question, size), size, question.clicks)
        )

    def _logits(self, question: ClickQuestion, size: tuple[int, int]) -> FloatMap:
        """(256, 256): the decoder's mask after all clicks, each prefix of them in its turn."""
        image, clicks = _name_of(question.image), question.clicks
        usual = question.usual_area_px
        known, logits = self._longest(image, usual, clicks)
        for count in range(known + 1, len(clicks) + 1):
            embedding = self._embedding(image, question.image)
            found = self._graphs.decode(embedding, clicks[:count], size, logits)
            logits = chosen_mask(found, clicks=count, size=size, usual_area_px=usual)
            self.masks.keep((image, usual, clicks[:count]), logits)
        if logits is None:
            raise ValueError("got no clicks; expected at least one")
        return logits

    def _longest(
        self, image: str, usual: float | None, clicks: tuple[Click, ...]
    ) -> tuple[int, FloatMap | None]:
        """The longest prefix of the clicks whose mask is kept: its length and the mask."""
        for count in range(len(clicks), 0, -1):
            logits = self.masks.get((image, usual, clicks[:count]))
            if logits is not None:
                return count, logits
        return 0, None

    def _embedding(self, name: str, image: Picture) -> Embedding:
        embedding = self.embeddings.get(name)
        if embedding is None:
            embedding = self._graphs.embed(image)
            self.embeddings.keep(name, embedding)
        return embedding


def _name_of(image: Picture) -> str:
    """Names the pixels: equal for equal images."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(image.tobytes())
    return digest.hexdigest()

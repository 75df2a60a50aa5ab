"""The masks of labels: of one annotation, or of the majority of several people."""

from __future__ import annotations

from daemon.rules.majority_label import majority_label
from daemon.store.base import Row, StoreBase
from daemon.store.labels import LABEL_ORDER, POLICY, decode_png, encode_png

MAJORITY = "majority"
_LABEL = (
    f"SELECT * FROM (SELECT *, {LABEL_ORDER} FROM annotations WHERE deleted = 0 AND image_id = ?) "
    "WHERE label_order = 1"
)
# The newest annotation of each person, drawn on the same picture as the label. Who reviewed a label
# saw it and speaks in the place of its author, so the author has no vote of their own then.
_VOTES = """
    SELECT mask FROM (
        SELECT id, mask, row_number() OVER (
            PARTITION BY annotator ORDER BY updated_at DESC, id DESC
        ) AS newest
        FROM annotations WHERE deleted = 0 AND image_id = ? AND drawn_on IS ?
    ) WHERE newest = 1 AND id NOT IN (
        SELECT r.annotation FROM reviews r JOIN annotations a ON a.id = r.answer
        WHERE a.deleted = 0
    )
"""


class MajorityLabelQueries(StoreBase):
    """Queries on the masks of labels."""

    def label_png(self, image_id: int) -> bytes:
        """The mask of a labeled image: 8-bit PNG of class indices. Raises KeyError without one."""
        rows = self._rows(_LABEL, image_id)
        if not rows:
            raise KeyError(f"image {image_id} has no label")
        return self._majority_png(rows[0]) or bytes(rows[0]["mask"])

    def label_policy(self) -> str:
        """Which of several labels counts, as `set_label_policy` was given it; "" before."""
        return self.fact(POLICY) or ""

    def _majority_png(self, label: Row) -> bytes | None:
        """None where one annotation is the label: ground truth, another policy, one person."""
        if label["ground_truth"] or self.label_policy() != MAJORITY:
            return None
        votes = self._rows(_VOTES, label["image_id"], label["drawn_on"])
        masks = [decode_png(bytes(vote["mask"])) for vote in votes]
        shape = decode_png(bytes(label["mask"])).shape
        masks = [mask for mask in masks if mask.shape == shape]
        return encode_png(majority_label(masks)) if len(masks) > 1 else None

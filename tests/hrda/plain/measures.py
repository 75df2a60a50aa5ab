"""What scoring says of an image, from the definitions: plain numpy, float64, loops where they help.

The slow side of tests/hrda/test_measures.py, and what the quick learner of the tests writes.
Everything is counted in cells: one for 4x4 pixels, the grid of the decoder. Logits and
probabilities are (C, h, w) arrays over the cells of the image, without its padding; class 0 is
the background. Logits are divided by the temperature first. A predicted class does not depend on
it: labels are (h, w), the most probable class, of equal ones the first.

strategies/base.py (`Pool`) says what each measure means. Nothing here is shared with the learner.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

MOST_UNCERTAIN = 0.05
GRADIENT_NUMBERS = 256


def softmax(logits: npt.ArrayLike, temperature: float = 1.0) -> Floats:
    """(C, h, w): probabilities."""
    z = np.asarray(logits, np.float64) / temperature
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def labels(logits: npt.ArrayLike) -> Labels:
    return np.asarray(logits).argmax(axis=0)


def of_most_uncertain(values: Floats) -> float:
    """Mean of the largest 5 % of the values, at least one of them; 0 of none."""
    if not values.size:
        return 0.0
    count = max(1, round(MOST_UNCERTAIN * values.size))
    return float(np.sort(values.ravel())[::-1][:count].mean())


def entropy(p: Floats) -> Floats:
    """(h, w) in [0, 1]: Shannon entropy divided by that of the uniform distribution; 0 of one
    class."""
    total = np.zeros(p.shape[1:])
    for row in p:
        total -= np.where(row > 0, row * np.log(np.where(row > 0, row, 1)), 0)
    return total / np.log(max(2, len(p)))


def uncertainty(p: Floats) -> float:
    return of_most_uncertain(entropy(p))


def margin(p: Floats) -> float:
    """1 - (largest - second largest probability); 0 with one class."""
    if len(p) == 1:
        return 0.0
    ordered = np.sort(p, axis=0)
    return of_most_uncertain(1 - (ordered[-1] - ordered[-2]))


def least_confidence(p: Floats) -> float:
    """(1 - largest probability) / (1 - 1/C); 0 with one class."""
    if len(p) == 1:
        return 0.0
    return of_most_uncertain((1 - p.max(axis=0)) / (1 - 1 / len(p)))


def class_share(label: Labels, classes: int) -> Floats:
    return np.array([(label == c).mean() for c in range(classes)])


def class_uncertainty(p: Floats, label: Labels) -> Floats:
    """(C,): of the most uncertain 5 % of the cells predicted as each class; 0 without any."""
    return np.array([of_most_uncertain(entropy(p)[label == c]) for c in range(len(p))])


def foreground_uncertainty(p: Floats, label: Labels) -> float:
    """Of the most uncertain 5 % of the cells that are not predicted as background; 0 without."""
    return of_most_uncertain(entropy(p)[label != 0])


def divergence(p: Floats, q: Floats) -> Floats:
    """(h, w) in [0, 1]: the Jensen-Shannon divergence in bits, 1 where p and q exclude each other.

    Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991).
    """

    def bits(x: Floats) -> Floats:
        return -np.sum(np.where(x > 0, x * np.log2(np.where(x > 0, x, 1)), 0), axis=0)

    return bits((p + q) / 2) - (bits(p) + bits(q)) / 2


def disagreement(p: Floats, q: Floats) -> float:
    """scale_disagreement of the probabilities of context and detail, the context's logits brought
    to the cells bilinearly; teacher_disagreement of those of teacher and student, each with its
    own temperature."""
    return of_most_uncertain(divergence(p, q))


def objects(label: Labels, classes: int) -> Floats:
    """(C,): regions of each class; cells are neighbours that share an edge."""
    height, width = label.shape
    found, open_cells = np.zeros(classes), np.ones(label.shape, np.bool_)
    for start in np.ndindex(label.shape):
        if not open_cells[start]:
            continue
        found[label[start]] += 1
        open_cells[start], region = False, [start]
        while region:
            y, x = region.pop()
            for cell in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= cell[0] < height and 0 <= cell[1] < width
                if inside and open_cells[cell] and label[cell] == label[start]:
                    open_cells[cell] = False
                    region.append(cell)
    return found


def border(label: Labels) -> float:
    """Share of the cells that share an edge with a cell of another predicted class."""
    beside = np.zeros(label.shape, np.bool_)
    height, width = label.shape
    for y, x in np.ndindex(label.shape):
        for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= ny < height and 0 <= nx < width and label[ny, nx] != label[y, x]:
                beside[y, x] = True
    return float(beside.mean())


def foreground_embedding(
    maps: Sequence[npt.ArrayLike], foreground: npt.NDArray[np.bool_]
) -> Floats:
    """(D,) of unit length: the mean of each feature map over the predicted foreground, of unit
    length, one after the other; zeros without foreground.

    maps: (d, H, W) each, of one window of the image with its padding. foreground: (h, w) of the
    same window, False in the padding; h and w are multiples of H and W. A place of a map weighs
    as much as it covers of the foreground. In an image of several context windows the sums of all
    of them are divided by the weights of all.
    """
    parts = []
    for features in maps:
        features = np.asarray(features, np.float64)
        rows, columns = (
            cells // places
            for cells, places in zip(foreground.shape, features.shape[1:], strict=True)
        )
        total = np.zeros(len(features))
        for y, x in np.ndindex(features.shape[1:]):
            share = foreground[y * rows : (y + 1) * rows, x * columns : (x + 1) * columns].mean()
            total += share * features[:, y, x]
        parts.append(unit(total))
    return unit(np.concatenate(parts))


def unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def gradient(p: Floats, inputs: npt.ArrayLike) -> Floats:
    """(min(256, C·W),): the gradient of the last layer's weights (C, W) for the predicted labels.

    With the loss -log p_y of the predicted label y, row c of a cell's gradient is
    (p_c - [c = y]) times the input of the last layer there; the image has the mean over the 5 % of
    cells with the largest entropy, row after row. inputs: (W, h, w), or (C, W, h, w) where the
    logits of the cell are a sum over several inputs, weighed by class: the derivative of logit c
    by row c (HRDA: up((1-a_c) context input) + up(a_c) detail input). More than 256 numbers are
    projected. The factor 1/T of the derivative of logits / T is left out.
    """
    z = np.asarray(inputs, np.float64)
    classes, width = len(p), p.shape[2]
    if z.ndim == 3:
        z = np.broadcast_to(z, (classes, *z.shape))
    order = np.argsort(-entropy(p).ravel(), kind="stable")
    cells = order[: max(1, round(MOST_UNCERTAIN * order.size))]
    total = np.zeros((classes, z.shape[1]))
    for cell in cells:
        y, x = divmod(int(cell), width)
        slope = p[:, y, x].copy()
        slope[p[:, y, x].argmax()] -= 1
        total += slope[:, None] * z[:, :, y, x]
    return projected(total.ravel() / len(cells))


def projected(vector: Floats) -> Floats:
    """The vector, or 256 random projections of a longer one, which keep distances nearly: the
    signs of the matrix are fixed (Achlioptas, Database-friendly random projections, 2003)."""
    if vector.size <= GRADIENT_NUMBERS:
        return vector
    signs = np.random.default_rng(0).integers(0, 2, (vector.size, GRADIENT_NUMBERS)) * 2 - 1
    return vector @ signs / np.sqrt(GRADIENT_NUMBERS)

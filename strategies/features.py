"""Which embeddings a strategy compares images by: of the image, or of its predicted foreground.

A weed fills 1 % of the pixels and hardly moves the embedding of an image: two fields with other
weeds look alike. The mean of the features over the predicted foreground tells them apart. Images
without any have a row of zeros there: they are alike, and as far from every other one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from daemon.domain.errors import ConfigError, PoolInvalid
from strategies.base import Pool
from strategies.checks import need

Features = Literal["image", "foreground"]


def check_features(strategy: str, features: str) -> None:
    """Raise ConfigError unless it is one of the two."""
    if features not in get_args(Features):
        raise ConfigError(
            f"strategy {strategy}: features = {features!r}: expected 'image' or 'foreground'"
        )


def compared_by(pool: Pool, features: Features, strategy: str) -> Pool:
    """The pool with the chosen embeddings in the place of `embeddings` and `labeled`.

    Raises PoolInvalid where it lacks them.
    """
    if features == "image":
        return pool
    embeddings = need(
        pool,
        "foreground_embeddings",
        strategy,
        'it comes with the first model; until then use features = "image"',
    )
    if len(pool.labeled_foreground) != len(pool.labeled):
        raise PoolInvalid(
            f"pool.labeled_foreground: got {len(pool.labeled_foreground)} rows; expected "
            f"{len(pool.labeled)}, as in pool.labeled; score the labeled images too"
        )
    return replace(pool, embeddings=embeddings, labeled=pool.labeled_foreground)

"""Why an image was picked, in words that an annotator can read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.domain import Pick
from daemon.domain.errors import ConfigError
from strategies.base import GivesReasons, Pool, QueryStrategy

CONTROL_ARM = "random"
FAIR = "drawn at random, as a fair sample of the pool"


def reasons_for(pool: Pool, arms: Sequence[tuple[int, str]], strategy: QueryStrategy) -> list[Pick]:
    """Picks with their reasons, in the order given. arms: (image id, who chose it), the control
    arm or the strategy. Raises ConfigError where the strategy's reasons are no sentences."""
    asked = [(image_id, arm) for image_id, arm in arms if arm != CONTROL_ARM]
    words = strategy_words(pool, asked, strategy)
    return [
        Pick(image_id=image_id, rank=rank, arm=arm, reason=words.get(image_id, FAIR))
        for rank, (image_id, arm) in enumerate(arms, start=1)
    ]


def strategy_words(
    pool: Pool, asked: Sequence[tuple[int, str]], strategy: QueryStrategy
) -> dict[int, str]:
    """What the strategy says of each image it chose; of one that says nothing, its name and no
    more: nobody else knows why."""
    if not asked:
        return {}
    name, picks = asked[0][1], [image_id for image_id, _ in asked]
    if not isinstance(strategy, GivesReasons):
        return dict.fromkeys(picks, f"{name}: chosen by this strategy")
    words = strategy.reasons(pool, picks)
    listed = isinstance(words, Sequence) and not isinstance(words, str)
    if not listed or len(words) != len(picks) or not all(map(_is_sentence, words)):
        raise ConfigError(
            f"strategy {name}: reasons(pool, picks) gave {str(words)[:80]}; expected a list of "
            f"{len(picks)} sentences, one a pick; correct the strategy (strategies/README.md)"
        )
    return {
        image_id: f"{name}: {sentence}" for image_id, sentence in zip(picks, words, strict=True)
    }


def _is_sentence(words: object) -> bool:
    return isinstance(words, str) and bool(words.strip())

"""A label is compared only with a model that did not learn from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from daemon.domain.errors import RunFailed


def require_independent(images: Mapping[str, str], trained_on: Iterable[str]) -> None:
    """Raise RunFailed if the model learned from one of these images, or an ancestor of it did.

    images: name -> sha256 of the file. trained_on: sha256 of each labeled image that the model, and
    every model from which its training started, was trained on.
    """
    known = set(trained_on)
    learned = sorted(name for name, digest in images.items() if digest in known)
    if learned:
        raise RunFailed(
            f"the model was trained on {len(learned)} of the {len(images)} images whose labels it "
            f"should judge, first {learned[0]}; expected none, ancestors by warm start included; "
            f"leave these images out, or name a model that did not see them"
        )

from __future__ import annotations

import os

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny networks gain nothing from threads, and lose much where cores are shared."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def same_numbers_in_any_order() -> None:
    """A test draws the same random numbers whichever tests this process has run before."""
    import torch

    torch.manual_seed(0)

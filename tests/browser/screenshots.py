"""Where the pictures of the pages lie, and the page that shows them side by side."""

from __future__ import annotations

from html import escape
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
LOOKS = ("light", "dark", "phone")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:24px}h2{margin:28px 0 6px}"
    ".row{display:flex;gap:16px;align-items:flex-start;overflow-x:auto}"
    "figure{margin:0}img{border:1px solid #8888;width:520px}.phone img{width:220px}"
)


def keep(png: bytes, moment: str, page: str, look: str) -> None:
    """Keep a picture and name it in the index."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{moment}-{page}-{look}.png").write_bytes(png)
    (FOLDER / "index.html").write_text(_index(), encoding="utf-8")


def _index() -> str:
    names = {file.stem.rpartition("-")[0] for file in FOLDER.glob("*.png")}
    rows = "".join(_row(name) for name in sorted(names))
    head = f"<!doctype html><meta charset=utf-8><title>Screenshots</title><style>{_STYLE}</style>"
    return f"{head}<h1>The pages of Maskloop</h1>{rows}\n"


def _row(name: str) -> str:
    shown = [look for look in LOOKS if (FOLDER / f"{name}-{look}.png").exists()]
    pictures = "".join(
        f'<figure class={look}><a href="{escape(name)}-{look}.png">'
        f'<img src="{escape(name)}-{look}.png" alt="{escape(name)}, {look}" loading=lazy></a>'
        f"<figcaption>{look}</figcaption></figure>"
        for look in shown
    )
    return f"<h2>{escape(name)}</h2><div class=row>{pictures}</div>"

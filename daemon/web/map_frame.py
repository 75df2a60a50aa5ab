"""The document that draws the points: one file, in a sandbox, with a policy of its own.

regl, by which it draws, builds functions from text, which the policy of our pages forbids. So it
runs in a frame without an origin: it has no cookies and reads no page, and its policy allows no
request at all. Its scripts stand in the document; the policy names each by its hash. Points come by
messages from the page, which checks what comes back (static/map.js).
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path

from flask import Response

STATIC = Path(__file__).parent / "static"
LIBRARY = "scatterplot.min.js"
# Of static/scatterplot.min.js, as `make scatterplot` writes it. A browser refuses any other bytes.
LIBRARY_SHA256 = "e46d2e0f424d7e48fc1316b680879a13cf3404e1b0b04bd139d6a5b2754be21f"
STYLE = (
    "html,body{margin:0;height:100%;overflow:hidden}"
    "canvas{display:block;width:100%;height:100%;touch-action:none;outline:0}"
)
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()  # of the <style> that the library fills by script


def frame_response() -> Response:
    """The document of the frame with its policy."""
    library = (STATIC / LIBRARY).read_text(encoding="utf-8")
    own = (STATIC / "map_frame.js").read_text(encoding="utf-8")
    response = Response(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Map of the images</title>"
        f"<style>{STYLE}</style></head><body>"
        '<canvas id="points" tabindex="0" aria-label="Points; arrows move the view, plus and '
        'minus make it larger and smaller, 0 shows all; the images that you select are listed below '
        'the map"></canvas>'
        f"<script>{library}</script><script>{own}</script></body></html>"
    )
    response.headers["Content-Security-Policy"] = frame_policy(own)
    return response


def frame_policy(own: str) -> str:
    """The Content-Security-Policy of the frame. own: the text of its second script."""
    scripts = (LIBRARY_SHA256, hashlib.sha256(own.encode()).hexdigest())
    styles = (EMPTY_SHA256, hashlib.sha256(STYLE.encode()).hexdigest())
    return (
        f"default-src 'none'; script-src 'unsafe-eval' {_sources(scripts)}; "
        f"style-src {_sources(styles)}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-scripts"
    )


def _sources(digests: tuple[str, ...]) -> str:
    return " ".join(f"'sha256-{b64encode(bytes.fromhex(one)).decode()}'" for one in digests)

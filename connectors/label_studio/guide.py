"""The guide for annotators, in the project's instructions: what to press, draw and leave out.

Label Studio keeps only some HTML (no style, no comment, `bgcolor` of a cell) and shows lists and
paragraphs without a gap (seen in 1.23.2); so the colours of the classes are cells of a table, and
breaks stand between the points. The class of its section holds a digest of its text and the
minutes to the next batch: the guide is replaced when the classes or these minutes change, and stays
as it is when people edit it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from html import escape

from daemon.domain import ClassSet

BUTTON = "Label All Tasks"  # instructions that name it count as a guide of their own
_GUIDE = re.compile(
    r'<section class="maskloop-guide (g-[0-9a-f]{8})(?: m-(\d{1,4}))?">.*?</section>', re.DOTALL
)
_GENERAL = (
    f"<b>Press {BUTTON}.</b> It hands everybody the image that teaches the model most now. Label "
    "Tasks As Displayed, and links to single tasks, give two people the same image.",
    "<b>A mask that is shown is the model's.</b> Mend what is wrong, leave what is right, then "
    "submit. How much was changed is measured, to see what the model still gets wrong. The first "
    "images come without a mask, since there is no model yet, and later ones now and then: draw "
    "all of it. The whole image is learned as you submit it: what you leave counts like what you "
    "draw.",
    "<b>Where regions overlap,</b> the later one counts. Of different tools, a bitmask lies above "
    "polygon, rectangle and ellipse, and these above the brush, whichever came first.",
    "<b>Skip</b> an image that cannot be judged; it goes to somebody else, and is dropped when "
    "they skip it too.",
    "<b>Asked again</b> above an image: the last mask of it could not be used, and why.",
)

_CLICKS = (
    "<b>Click what the model missed.</b> Turn Auto-Annotation on, below the picture, and leave "
    "Auto-Accept Suggestions off. Choose the last tool of the bar, then a class in the second row "
    "of classes, and click the object: its mask appears. Click again where a part is missing, and "
    "with Alt held where it is too much; then accept the mask with the tick beside it. Choose the "
    "class again before the next object.",
    "<b>A click on a mask that is there already</b> only selects it: mend it with brush and "
    "eraser. Accept a suggested mask before you submit, or it is lost.",
)


def guide(
    classes: ClassSet,
    colours: Mapping[str, str],
    pause_min: int | None = None,
    *,
    smart_tool: bool = False,
) -> str:
    """The guide as HTML. colours: label -> "#rrggbb", where the label config gives one. pause_min:
    minutes that people usually wait for the next batch; None: not known. smart_tool: whether clicks
    become masks."""
    rows = "".join(_row(name, colours.get(name, ""), classes) for name in classes.drawn)
    clicks = _CLICKS if smart_tool else ()
    points = (*_GENERAL[:2], *_undrawn_pixels(classes), *clicks, *_GENERAL[2:])
    body = f"<h3>How to label here</h3><br><table><tbody>{rows}</tbody></table>"
    body += "".join(map(_paragraph, points))
    mark = hashlib.sha256(body.encode()).hexdigest()[:8]
    minutes = "" if pause_min is None else f" m-{pause_min}"
    body += _paragraph(_no_more_tasks(pause_min))
    return f'<section class="maskloop-guide g-{mark}{minutes}">{body}</section>'


def with_guide(instructions: str, guide_html: str) -> str | None:
    """The instructions with our guide behind what people wrote; None where they have it already.
    A guide without a pause does not replace one with a pause."""
    present, wanted = _GUIDE.search(instructions), _GUIDE.search(guide_html)
    if present is None:
        return None if BUTTON in instructions else instructions + guide_html
    if wanted is None or (present[1] == wanted[1] and wanted[2] in (present[2], None)):
        return None
    return instructions[: present.start()] + guide_html + instructions[present.end() :]


def is_missing(instructions: str, guide_html: str) -> bool:
    """Whether the instructions have no guide yet, or one for other classes."""
    present, wanted = _GUIDE.search(instructions), _GUIDE.search(guide_html)
    if present is None or wanted is None:
        return present is None and BUTTON not in instructions
    return present[1] != wanted[1]


def _paragraph(text: str) -> str:
    return f"<br><p>{text}</p>"


def _no_more_tasks(pause_min: int | None) -> str:
    """What "No More Tasks Left" means, and when to come back."""
    if pause_min is None:
        when = "Come back a little later"
    elif pause_min < 120:
        when = f"Come back in about {pause_min} minute{'s' if pause_min > 1 else ''}"
    else:
        when = f"Come back in about {pause_min // 60} hours"
    return (
        f"<b>No More Tasks Left</b> means that the model is learning from what was submitted. "
        f"{when} and press {BUTTON} again: then the next images are there. When none come any "
        f"more, as many are labeled as were wanted."
    )


def _row(name: str, colour: str, classes: ClassSet) -> str:
    swatch = f'<td bgcolor="{escape(colour)}" width="22">&nbsp;</td>' if colour else "<td></td>"
    meaning = "where you cannot tell; left out" if name == classes.ignore_label else ""
    if name == classes.names[0]:
        meaning = "the background, drawn like any other class"
    return f"<tr>{swatch}<td>&nbsp;<b>{escape(name)}</b></td><td>&nbsp;{meaning}</td></tr>"


def _undrawn_pixels(classes: ClassSet) -> tuple[str, ...]:
    """What undrawn pixels mean, and how to mark doubtful ones."""
    background = f"<b>{escape(classes.names[0])}</b>"
    if classes.unlabeled == 0:
        points = [
            f"<b>What nobody draws is {background}.</b> Nothing to draw? Submit the image as it "
            f"is: then all of it is {background}."
        ]
    else:
        points = [
            f"<b>Draw {background} too.</b> What nobody draws is left out: the model neither "
            "learns from it nor is measured on it. An image submitted empty teaches nothing."
        ]
    if classes.ignore_label:
        points.append(
            f"<b>In doubt, draw {escape(classes.ignore_label)}.</b> Those pixels are left out, "
            "which is better than a guess."
        )
    return tuple(points)

"""Which picture is the mask of which: folders side by side, with the names that tools give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.datasets.source_tree import Tree, stem_of
from daemon.datasets.split_names import folder_split
from daemon.pixels.formats import Kind

# Folder of the images -> that of their masks; None stands for any name, and {} for it.
FOLDERS: tuple[tuple[str | None, str], ...] = (
    ("img_dir", "ann_dir"),  # mmsegmentation
    ("jpegimages", "segmentationclass"),  # PASCAL VOC
    ("leftimg8bit", "gtfine"),  # Cityscapes
    ("701_stillsraw_full", "labeledapproved_full"),  # CamVid
    *(
        (images, masks)
        for images in ("images", "image", "imgs", "img")
        for masks in ("masks", "mask", "labels", "label", "annotations", "segmentation", "gt")
    ),
    (None, "{}annot"),  # CamVid of the SegNet tutorial
    (None, "{}_labels"),
    (None, "{}_masks"),
)
ENDINGS = ("", "_labelids", "_gtfine_labelids", "_gtfine_labeltrainids", "_l", "_mask", "_label")
IMAGE_ENDING = "_leftimg8bit"  # which the names of the masks lack
SPLITS = {  # one name for the words of a split
    "training": "train",
    **dict.fromkeys(("valid", "validation"), "val"),
    "testing": "test",
    "exclude": "excluded",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An image and its mask, both as paths in the tree. mask: None: it has none."""

    image: str
    mask: str | None
    split: str | None


def find_pairs(tree: Tree) -> Sequence[Pair]:
    """The pairs of the layout that fits most images; empty where none fits."""
    by_stem = _stems(tree)
    return max((_pairs(tree, layout, by_stem) for layout in FOLDERS), key=_labeled, default=())


def _labeled(pairs: Sequence[Pair]) -> int:
    return sum(pair.mask is not None for pair in pairs)


def _stems(tree: Tree) -> dict[str, str]:
    """Path without its ending, in lower case -> path; PNG before other pictures of that name."""
    ordered = sorted(tree.pictures, key=lambda path: tree.kinds[path] is Kind.PNG)
    return {stem_of(path).lower(): path for path in ordered}


def _pairs(tree: Tree, layout: tuple[str | None, str], by_stem: dict[str, str]) -> Sequence[Pair]:
    images: dict[str, str | None] = {}
    roots: set[tuple[str, ...]] = set()
    for path in tree.pictures:
        for root, mask_folder in _candidates(path, layout):
            mask = _mask(path, mask_folder, by_stem)
            if mask is not None:
                images[path] = mask
                roots.add(root)
    masks = set(images.values())
    return [
        Pair(image=path, mask=images.get(path), split=next(iter(split_of_folders(path)), None))
        for path in tree.pictures
        if path not in masks and _is_below(path, roots)
    ]


def _candidates(path: str, layout: tuple[str | None, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The folder of images that a picture may lie in, and the folder its mask would lie in."""
    images, masks = layout
    folders = path.lower().split("/")[:-1]
    for at, folder in enumerate(folders):
        if images in (None, folder):
            mask_folder = [*folders[:at], masks.format(folder), *folders[at + 1 :]]
            yield tuple(folders[: at + 1]), "/".join(mask_folder)


def _mask(path: str, folder: str, by_stem: dict[str, str]) -> str | None:
    stem = stem_of(path.rpartition("/")[2]).lower()
    short = stem.removesuffix(IMAGE_ENDING)
    for name in (stem, *(f"{short}{ending}" for ending in ENDINGS)):
        if (found := by_stem.get(f"{folder}/{name}")) is not None:
            return found
    return None


def _is_below(path: str, roots: set[tuple[str, ...]]) -> bool:
    folders = path.lower().split("/")[:-1]
    return any(tuple(folders[: at + 1]) in roots for at in range(len(folders)))


def split_of_folders(path: str) -> tuple[str, ...]:
    """The split that the folder nearest to a file names; () where none does."""
    folders = path.lower().split("/")[:-1]
    found = next(filter(None, map(folder_split, reversed(folders))), ())
    return tuple(SPLITS.get(word, word) for word in found)

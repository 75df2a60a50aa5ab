"""The classes of published sets, which their masks do not name: PASCAL VOC 2012 (devkit), CamVid
in 11 classes (SegNet tutorial), Cityscapes (cityscapesScripts, helpers/labels.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass

Colour = tuple[int, int, int]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


VOC = _listed(
    "background,aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,"
    "motorbike,person,pottedplant,sheep,sofa,train,tvmonitor"
)
CAMVID = _listed(
    "Sky,Building,Pole,Road,Pavement,Tree,SignSymbol,Fence,Car,Pedestrian,Bicyclist,Unlabelled"
)
CITYSCAPES_TRAIN = _listed(
    "road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky,"
    "person,rider,car,truck,bus,train,motorcycle,bicycle"
)
CITYSCAPES = _listed(
    "unlabeled,ego vehicle,rectification border,out of roi,static,dynamic,ground,road,sidewalk,"
    "parking,rail track,building,wall,fence,guard rail,bridge,tunnel,pole,polegroup,traffic light,"
    "traffic sign,vegetation,terrain,sky,person,rider,car,truck,bus,caravan,trailer,train,"
    "motorcycle,bicycle"
)
VOC_BORDER: Colour = (224, 224, 192)
_VOC_NAME = re.compile(r"(19|20)\d{2}_\d{6}")
_CAMVID_NAME = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_\w+")


@dataclass(frozen=True, kw_only=True)
class Convention:
    """Classes by value, and those whose pixels have no label."""

    name: str
    classes: tuple[str, ...]
    ignored: frozenset[str] = frozenset()


def convention_of(mask_stem: str, image_stem: str) -> Convention | None:
    """What a published set means by the values of its masks, told by the names of its files."""
    if mask_stem.endswith("_labelTrainIds"):
        return Convention(name="Cityscapes train ids", classes=CITYSCAPES_TRAIN)
    if mask_stem.endswith("_labelIds"):
        ignored = frozenset(CITYSCAPES) - frozenset(CITYSCAPES_TRAIN)
        return Convention(name="Cityscapes label ids", classes=CITYSCAPES, ignored=ignored)
    if _VOC_NAME.fullmatch(image_stem):
        return Convention(name="PASCAL VOC", classes=VOC)
    if _CAMVID_NAME.fullmatch(image_stem):
        return Convention(name="CamVid, 11 classes", classes=CAMVID, ignored=frozenset(CAMVID[-1:]))
    return None


def voc_colour(value: int) -> Colour:
    """The colour of a value in the palette of PASCAL VOC: its bits, the lowest three first."""
    red = green = blue = 0
    for place in range(8):
        red |= (value & 1) << (7 - place)
        green |= (value >> 1 & 1) << (7 - place)
        blue |= (value >> 2 & 1) << (7 - place)
        value >>= 3
    return red, green, blue

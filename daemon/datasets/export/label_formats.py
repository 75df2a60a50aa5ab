"""The formats of `maskloop export --format`, by name."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.datasets.export.exported_label import SPLITS
from daemon.datasets.export.format_names import MAP
from daemon.datasets.export.label_files import COCO, ClassIndexFiles, CocoFiles, LabelFiles
from daemon.datasets.export.object_files import META, TASKS, LabelStudioFiles, SuperviselyFiles
from daemon.datasets.export.shape_files import (
    ANNOTATIONS,
    DATA,
    LABELS,
    XML,
    XML_IMAGES,
    CvatFiles,
    DatumaroFiles,
    YoloFiles,
)

FORMATS: Mapping[str, type[LabelFiles]] = {
    "png": ClassIndexFiles,
    "coco": CocoFiles,
    "supervisely": SuperviselyFiles,
    "label_studio": LabelStudioFiles,
    "cvat": CvatFiles,
    "datumaro": DatumaroFiles,
    "yolo": YoloFiles,
}
# What a format may write below the folder of the export.
OURS = (
    "masks", MAP, META, TASKS, XML, XML_IMAGES, ANNOTATIONS, LABELS, DATA, *SPLITS.values(),
    *map(COCO.format, SPLITS.values()),
)  # fmt: skip

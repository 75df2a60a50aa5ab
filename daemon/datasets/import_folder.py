"""`maskloop import`: a source of any known format -> images/, masks/, splits.json, classes.txt,
report.json.

Everything is written to DIR.part, which becomes DIR when all is there. An import that fails or is
stopped removes DIR.part; one that was killed leaves it, and the next import removes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.datasets.archives import is_archive, unpack
from daemon.datasets.class_map import ClassMap
from daemon.datasets.import_report import Report
from daemon.datasets.recognition import recognize
from daemon.datasets.sample_names import names_of
from daemon.datasets.samples import Sample, Source, Trust
from daemon.datasets.source_tree import Tree, list_tree
from daemon.datasets.split_names import is_held_out
from daemon.datasets.written_sample import Writer
from daemon.domain import Fault
from daemon.domain.errors import DatasetRefused, InputRefused
from daemon.domain.formatting import count
from daemon.runs.durable import write_json

MARK = ".maskloop-import"  # in DIR.part: a folder with it is ours to remove
POOL, UNLABELED = "pool", "unlabeled"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What a person chose. trust: what counts as a label. lenient: links and encrypted files of an
    archive are left out, instead of refusing the archive."""

    classes: ClassMap = field(default_factory=ClassMap)
    trust: Trust = field(default_factory=Trust)
    lenient: bool = False


def import_folder(
    source: Path, out: Path, options: ImportOptions, progress: Callable[[int, int], None]
) -> Report:
    """Import `source`, a folder or an archive, into `out`, a new or empty folder.

    progress: called with the number of images done and of all. Raises DatasetRefused where
    nothing can be imported.
    """
    _require_free(out)
    with _part_of(out) as part:
        root, left_out = source, tuple[Fault, ...]()
        if not source.is_dir():
            root = part / ".source"
            left_out = _unpack(source, root, lenient=options.lenient)
        tree = list_tree(root)
        found = recognize(tree, options.trust)
        found = replace(found, faults=(*left_out, *found.faults))
        report = _write(tree, found, options.classes, part, progress)
        report.source = str(source)
        write_json(part / "report.json", report.as_json())
        shutil.rmtree(part / ".source", ignore_errors=True)
    return report


def _require_free(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise DatasetRefused(f"--out {out}: got a file or a link; expected a new folder")
    if out.is_dir() and any(out.iterdir()):
        raise DatasetRefused(
            f"--out {out}: got a folder with something in it; expected a new or an empty one; name "
            f"another, or empty it"
        )


@contextmanager
def _part_of(out: Path) -> Iterator[Path]:
    """DIR.part, which becomes DIR when the block ends, and is gone when it fails."""
    part = out.absolute().with_name(f"{out.name}.part")
    if part.exists():
        if not (part / MARK).is_file():
            raise DatasetRefused(
                f"{part}: is in the way, and no import left it; expected a free name; remove it"
            )
        shutil.rmtree(part)
    part.mkdir(parents=True)
    try:
        (part / MARK).touch()
        yield part
        (part / MARK).unlink()
        part.replace(out.absolute())
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _unpack(source: Path, root: Path, *, lenient: bool) -> tuple[Fault, ...]:
    """Unpack an archive; the members that were left out."""
    if not source.exists():
        raise DatasetRefused(f"{source}: no such folder or archive; name the one of the data set")
    if not source.is_file() or not is_archive(source):
        raise DatasetRefused(
            f"{source}: got a file that is no archive; expected a folder, a .zip or a .tar; name "
            f"the folder that holds images and labels"
        )
    root.mkdir()
    return unpack(source, root, lenient=lenient)


def _write(
    tree: Tree,
    source: Source,
    class_map: ClassMap,
    part: Path,
    progress: Callable[[int, int], None],
) -> Report:
    _require_content(tree, source)
    classes, table = class_map.apply(source.classes, source.ignored)
    targets = [classes[value] if value < len(classes) else "" for value in table.tolist()]
    report = Report(
        source=str(tree.root),
        format=source.format,
        classes=classes,
        source_classes=dict(zip(source.classes, targets, strict=True)),
        faults=[*source.faults, *_left_out(tree)],
    )
    writer = Writer(tree=tree, part=part, table=table, source=source, report=report)
    lists: dict[str, list[str]] = {POOL: [], UNLABELED: []}
    names = names_of([sample.image for sample in source.samples])
    own_pool = any(POOL in sample.splits for sample in source.samples)
    for number, (sample, name) in enumerate(zip(source.samples, names, strict=True), start=1):
        try:
            is_labeled = writer.write(sample, name)
        except InputRefused as exc:
            report.refused(exc, sample.image)
        else:
            _list(lists, _pooled(sample, own_pool=own_pool), name, is_labeled=is_labeled)
        progress(number, len(names))
    if not report.images:
        raise DatasetRefused(_nothing(tree, source.format, report.faults))
    _write_lists(lists, part, report)
    (part / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    return report


def _pooled(sample: Sample, *, own_pool: bool) -> Sample:
    """The sample, on the list `pool` too where the source has none and does not hold it out."""
    if own_pool or any(map(is_held_out, sample.splits)):
        return sample
    return replace(sample, splits=(*sample.splits, POOL))


def _list(lists: dict[str, list[str]], sample: Sample, name: str, *, is_labeled: bool) -> None:
    """Put a written image on its lists: only labeled ones on those of the source."""
    if not is_labeled:
        lists[UNLABELED].append(name)
        return
    for split in sample.splits:
        title = f"{split} of the source" if split == UNLABELED else split
        lists.setdefault(title, []).append(name)


def _write_lists(lists: Mapping[str, Sequence[str]], part: Path, report: Report) -> None:
    """splits.json, where the source has splits or unlabeled images."""
    filled = {name: ids for name, ids in lists.items() if ids}
    report.splits = {name: len(ids) for name, ids in filled.items()}
    if set(filled) - {POOL}:
        write_json(part / "splits.json", {POOL: [], **filled})


def _left_out(tree: Tree) -> list[Fault]:
    return [
        Fault(
            where=one.path,
            got=f"{one.reason}{f' ({one.got})' if one.got else ''}",
            expected="a picture",
            cure=one.reason.cure,
        )
        for one in tree.left_out
    ]


def _require_content(tree: Tree, source: Source) -> None:
    """Raise DatasetRefused for a source without an image or without a class."""
    if not source.samples:
        raise DatasetRefused(_nothing(tree, source.format, source.faults))
    if len(source.classes) < 2:
        raise DatasetRefused(
            f"{tree.root}: {source.format} with {count(len(source.samples), 'image')} and no "
            f"class; expected objects or masks of one class or more; captions, lists of images and "
            f"image-level tags say nothing of pixels: name the folder with the masks, or label "
            f"these images first"
        )


def _nothing(tree: Tree, form: str, faults: Sequence[Fault]) -> str:
    first = "".join(f"\n  {fault}" for fault in faults[:5])
    return (
        f"{tree.root}: {form}, but none of its images can be used; {count(len(faults), 'fault')}, "
        f"first{first}"
    )

"""The tables of config.toml about places: files, images, the labeling tool, the page.

Every setting stands with its default, range, meaning and unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from daemon.config.ranges import (
    Hours,
    Number,
    PathText,
    Positive,
    Seconds,
    Sha256,
    Text,
)
from daemon.config.section import Section, setting
from daemon.config.text_checks import (
    require_fitting,
    require_host_name,
    require_names,
    require_url,
)


class Project(Section):
    """[project]: where the daemon keeps its files."""

    state_dir: PathText = setting(
        "state", "folder of the store, the run folders and the image cache, relative to this file"
    )


class Classes(Section):
    """[classes]: the classes of a pixel."""

    names: tuple[str, ...] = Field(
        default=("soil", "crop", "weed"),
        strict=False,
        description="class names in the order of their pixel values; the first is the background; "
        "add new ones at the end",
    )
    renamed: Mapping[str, str] = setting(
        {},
        'classes that got a new name: { "old name" = "new name" }; their labels keep their '
        "meaning; keep an entry while the labeling tool holds answers with the old name",
    )
    ignore_label: str = setting(
        "", 'label for "don\'t know" (pixel value 255); empty: no such label'
    )
    unlabeled: Literal["background", "ignore"] = setting(
        "background",
        "meaning of pixels that nobody drew: background, or ignore (they have no label, and "
        "background is drawn like any other class)",
    )

    @field_validator("names")
    @classmethod
    def _distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        require_names(names)
        return names

    @model_validator(mode="after")
    def _fit(self) -> Self:
        require_fitting(self.names, self.ignore_label, self.renamed)
        return self


class Images(Section):
    """[images]: which images there are."""

    source: Literal["project", "folder"] = setting(
        "folder",
        "where the images are: project (the tasks of the Label Studio project) or folder (the "
        "files in `folder`)",
    )
    folder: PathText = setting(
        "images", "folder of the images, relative to this file (source = folder)"
    )
    max_megabytes: Annotated[int, Field(ge=1, le=100_000)] = setting(
        64, "largest image file that is read, in megabytes"
    )
    max_megapixels: Annotated[int, Field(ge=1, le=1000)] = setting(
        64, "largest image that is decoded, in millions of pixels; at most 1000"
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="private hosts that images may come from: host, host:port, address or network "
        "(10.0.0.0/8)",
    )


class ConnectorChoice(Section):
    """[connector]: which labeling tool."""

    kind: Literal["label_studio", "folder"] = setting(
        "label_studio",
        "labeling tool: label_studio, or folder (true masks on disk take the place of annotators)",
    )


class LabelStudioServer(Section):
    """[label_studio]: where the server is and how to sign in."""

    url: str = setting("http://127.0.0.1:8080", "address of the server, without a path")
    project: Number = setting(0, "number of the project; `maskloop init` writes it")
    title: str = setting("Maskloop", "title of the project that `maskloop init` creates or adopts")
    token_env: str = setting(
        "LABEL_STUDIO_API_KEY", "environment variable that holds the token (legacy or personal)"
    )
    token_file: PathText = setting(
        "", "file that holds the token instead, mode 0600; read again when it changes"
    )
    document_root: PathText = setting(
        "",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT of the server; the image folder must lie inside it",
    )
    webhook: str = setting(
        "",
        "address of this page as Label Studio reaches it, for webhooks; empty: no webhooks, only "
        "polling",
    )
    webhook_secret_env: str = setting(
        "MASKLOOP_WEBHOOK_SECRET", "environment variable that holds the secret of the webhooks"
    )
    keep_versions_hours: Hours = setting(
        168.0,
        "hours for which replaced predictions stay in Label Studio; longer than anybody keeps a "
        "page open; 0: for ever",
    )
    connect_timeout_s: Seconds = setting(10.0, "longest wait for a connection, in seconds")
    read_timeout_s: Seconds = setting(120.0, "longest wait for an answer, in seconds")

    @field_validator("url", "webhook")
    @classmethod
    def _is_url(cls, text: str, place: ValidationInfo) -> str:
        if text or place.field_name == "url":
            require_url(text)
        return text


class TruthFolder(Section):
    """[folder]: settings of the folder connector."""

    truth: PathText = setting("masks", "folder of the true masks: NAME.png for the image NAME")


class Storage(Section):
    """[storage]: the disk."""

    min_free_gb: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = setting(
        2.0, "free disk space below which no run starts, in gigabytes"
    )
    keep_checkpoints: Positive = setting(
        3, "number of newest checkpoints that are kept, besides the best and the serving one"
    )


class Web(Section):
    """[web]: the page, and who may see it."""

    enabled: bool = setting(True, "whether `maskloop run` serves the page")
    host: Text = setting(
        "127.0.0.1",
        "address to listen on; any but loopback shows the page to others, who have to sign in",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = setting(
        8060, "port to listen on; 0: any free port"
    )
    names: tuple[Text, ...] = Field(
        default=(),
        strict=False,
        description="names by which people reach the page, such as that of a proxy in front: "
        "maskloop.example.org; they have to sign in then",
    )
    https: bool = setting(
        False,
        "whether a proxy in front speaks https to people: the cookie of a session then goes by "
        "https only",
    )
    token_env: Text = setting(
        "MASKLOOP_WEB_TOKEN",
        "environment variable that holds the token of leads, 16 characters or more; without one "
        "`maskloop open` makes a token on loopback",
    )
    token_file: PathText = setting(
        "", "file that holds the token of leads instead, mode 0600; read again when it changes"
    )
    viewer_token_env: Text = setting(
        "MASKLOOP_VIEWER_TOKEN",
        "environment variable that holds the token of viewers, who change nothing and see no "
        "names of people",
    )
    viewer_token_file: PathText = setting("", "file that holds the token of viewers instead")
    session_hours: Annotated[float, Field(ge=0.1, le=8760, allow_inf_nan=False)] = setting(
        12.0, "hours after which people have to sign in again"
    )

    @field_validator("names")
    @classmethod
    def _are_host_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            require_host_name(name)
        return names


class SmartTool(Section):
    """[smart_tool]: clicks of people in Label Studio become masks."""

    enabled: bool = setting(
        False,
        "whether `maskloop run` answers clicks of Label Studio's smart tool; [web] has to be "
        "enabled, and the label config needs a tag to click with, which `maskloop check` prints",
    )
    engine: Literal["auto", "prior_walk", "colour_walk", "click_net", "sam"] = setting(
        "auto",
        "what turns clicks into masks: prior_walk (colours and the newest model), colour_walk "
        "(colours alone), click_net (a network trained on the labels of this project), auto "
        "(the best of these that is there), or sam (the files that sam_encoder and sam_decoder "
        "name; where they cannot be used, prior_walk or colour_walk)",
    )
    deadline_ms: Annotated[int, Field(ge=50, le=60_000)] = setting(
        700,
        "milliseconds after which prior_walk or colour_walk answers in the place of click_net or "
        "sam",
    )
    train_minutes: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = setting(
        4.0,
        "minutes of processor time that click_net learns from all labels when a cycle is done, at "
        "low priority beside the labeling; it answers clicks only if simulated clicks on the "
        "validation images say so; 0: never",
    )
    continue_objects: bool = setting(
        False,
        "for people who click with Label Studio's Auto-Accept on, where each request holds one "
        "click: whether a click near the object that the person accepted within the last minute "
        "adds to that object; without Auto-Accept it would do so too, so leave it off where "
        "objects stand close together",
    )
    url: str = setting(
        "",
        "address of this page as Label Studio reaches it; empty: that of [web] host and port, for "
        "a Label Studio on this machine",
    )

    sam_encoder: PathText = setting(
        "",
        "for engine = sam: ONNX file of the image encoder of Segment Anything or MobileSAM, "
        "relative to this file, exported with its normalisation inside (input: height x width x "
        "3, both free); needs `pip install 'maskloop[export]'`; empty: none",
    )
    sam_decoder: PathText = setting(
        "", "ONNX file of the mask decoder of the same model, relative to this file"
    )
    sam_encoder_sha256: Sha256 = setting(
        "",
        "SHA-256 of sam_encoder (`sha256sum FILE`), 64 hexadecimal digits: a file with another one "
        "is not loaded; weights that an export keeps in a second file are not covered by it",
    )
    sam_decoder_sha256: Sha256 = setting("", "SHA-256 of sam_decoder, in the same way")

    @field_validator("url")
    @classmethod
    def _is_url(cls, text: str) -> str:
        if text:
            require_url(text)
        return text

    @model_validator(mode="after")
    def _names_sam_whole(self) -> Self:
        names = ("sam_encoder", "sam_decoder", "sam_encoder_sha256", "sam_decoder_sha256")
        missing = [name for name in names if not getattr(self, name)]
        if missing and (len(missing) < len(names) or self.engine == "sam"):
            raise ValueError(
                f"{', '.join(missing)}: empty; expected the files of SAM with their checksums, "
                f"all four of {', '.join(names)}, or none of them and another engine"
            )
        return self

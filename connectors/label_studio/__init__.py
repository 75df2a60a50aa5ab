"""Label Studio as a labeling tool: connectors/README.md says how it works."""

from connectors.label_studio.adoption import Projects, ServerProject
from connectors.label_studio.connector import LabelStudio
from connectors.label_studio.project import LOCKS, Adopted, create_or_adopt_project
from connectors.label_studio.sources import FolderSource
from connectors.label_studio.webhook import register_webhook
from connectors.label_studio.wiring import NO_REASON

__all__ = [
    "LOCKS",
    "NO_REASON",
    "Adopted",
    "FolderSource",
    "LabelStudio",
    "Projects",
    "ServerProject",
    "create_or_adopt_project",
    "register_webhook",
]

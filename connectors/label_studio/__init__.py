"""Label Studio as a labeling tool: connectors/README.md says how it works."""

from connectors.label_studio.adoption import Projects, ServerProject
from connectors.label_studio.connector import LabelStudio
from connectors.label_studio.image_source import FolderSource
from connectors.label_studio.label_config import NO_REASON
from connectors.label_studio.project import LOCKS, Adopted, create_or_adopt_project
from connectors.label_studio.webhook import register_webhook

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

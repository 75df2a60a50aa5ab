"""Label Studio as a labeling tool: connectors/README.md says how it works."""

from connectors.label_studio.connector import LabelStudio
from connectors.label_studio.image_source import FolderSource
from connectors.label_studio.label_config import REASON_NOT_SHOWN
from connectors.label_studio.project import LOCK_ADVICE, AdoptedProject, create_or_adopt_project
from connectors.label_studio.server_projects import ServerProject, ServerProjects
from connectors.label_studio.webhook import register_webhook

__all__ = [
    "LOCK_ADVICE",
    "REASON_NOT_SHOWN",
    "AdoptedProject",
    "FolderSource",
    "LabelStudio",
    "ServerProject",
    "ServerProjects",
    "create_or_adopt_project",
    "register_webhook",
]

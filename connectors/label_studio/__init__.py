"""Label Studio as a labeling tool: connectors/README.md says how it works."""

from connectors.label_studio.connector import LabelStudio
from connectors.label_studio.project import Adopted, create_or_adopt_project
from connectors.label_studio.sources import FolderSource

__all__ = ["Adopted", "FolderSource", "LabelStudio", "create_or_adopt_project"]

from tests.live.live_server import annotator, label_studio, migrated

__all__ = ["annotator", "label_studio", "migrated"]

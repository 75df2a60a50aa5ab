"""config.toml: its tables and settings, how it is read, checked, written and changed; the token.

loading.py reads the file, setting_faults.py says what is wrong with it, editing.py changes one
setting and nothing else, rendering.py writes all of it. setting_keys.py names settings with dots,
setting_sources.py says where each value comes from, restart_only.py which ones a running daemon
keeps, change_history.py who changed what.
"""

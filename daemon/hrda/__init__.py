"""The training process. Started as `python -m daemon.hrda`; nothing of ours imports it."""

"""Ports on the loopback interface: find a free one, and see who listens on one (Linux)."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORT_RANGE = range(20_000, 30_000)  # below the range that the kernel gives to clients
_TCP_LISTEN = "0A"  # state column of /proc/net/tcp, see proc_net_tcp(5)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A random port of PORT_RANGE that no process listens on.

    The kernel could give a higher port to a client while our server is down between two starts.
    """
    while True:
        port = PORT_RANGE.start + secrets.randbelow(len(PORT_RANGE))
        if is_free(port):
            return port


def listens(pid: int, port: int) -> bool:
    """Whether process `pid` itself, not a child, holds the listening socket of `port`."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    try:
        open_files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    return any(_link_target(file) in inodes for file in open_files)


def _listening_inodes(port: int) -> list[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[9] for row in rows if row[3] == _TCP_LISTEN and row[1].endswith(f":{port:04X}")]


def _link_target(file: Path) -> str:
    try:
        return os.readlink(file)
    except OSError:
        return ""

"""Errors of the operating system as sentences: which path, what happened, what to do."""

from __future__ import annotations

import errno
import os

_CURES = {
    errno.ENOSPC: "free some space, then run the command again",
    errno.EDQUOT: "free some space, then run the command again",
    errno.EROFS: "the disk is read-only; name a path on a writable disk",
    errno.EACCES: "let this user read and write there, or name another path",
    errno.EPERM: "let this user read and write there, or name another path",
    errno.ENOTDIR: "a file stands where a folder was expected; name another path",
    errno.EEXIST: "a file stands where a folder was expected; name another path",
    errno.EISDIR: "a folder stands where a file was expected; name another path",
    errno.ENOENT: "make its folder first, or correct the name",
    errno.ENAMETOOLONG: "shorten the name",
    errno.ELOOP: "the link leads to itself; remove it",
    errno.EMFILE: "too many files are open; raise `ulimit -n`",
}


def describe_os_error(exc: OSError, otherwise: str = "") -> str:
    """The error with its path and a cure. otherwise: the path, if the error has none."""
    path = os.fsdecode(exc.filename) if isinstance(exc.filename, str | bytes) else otherwise
    cure = _CURES.get(exc.errno or 0, "see `maskloop doctor`")
    return f"{path}{': ' if path else ''}{exc.strerror or exc}; {cure}"

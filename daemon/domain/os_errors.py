"""Errors of the operating system in words: the place, what happened, what to do."""

from __future__ import annotations

import errno
import os

_CURES = {
    errno.ENOSPC: "free some space, then run the command again",
    errno.EDQUOT: "free some space, then run the command again",
    errno.EROFS: "the disk is read-only; name a place that can be written to",
    errno.EACCES: "let this user read and write there, or name another place",
    errno.EPERM: "let this user read and write there, or name another place",
    errno.ENOTDIR: "a file stands where a folder was expected; name another place",
    errno.EEXIST: "a file stands where a folder was expected; name another place",
    errno.EISDIR: "a folder stands where a file was expected; name another place",
    errno.ENOENT: "make its folder first, or correct the name",
    errno.ENAMETOOLONG: "shorten the name",
    errno.ELOOP: "the link leads to itself; remove it",
    errno.EMFILE: "too many files are open; raise `ulimit -n`",
}


def in_words(exc: OSError, otherwise: str = "") -> str:
    """An error of the operating system with its place and a cure. otherwise: the place, where the
    error does not name one."""
    place = os.fsdecode(exc.filename) if isinstance(exc.filename, str | bytes) else otherwise
    cure = _CURES.get(exc.errno or 0, "see `maskloop doctor`")
    return f"{place}{': ' if place else ''}{exc.strerror or exc}; {cure}"

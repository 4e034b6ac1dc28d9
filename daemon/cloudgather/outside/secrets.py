"""Reads the passwords, keys and secrets that are kept in files of their own."""

import os


def secret_of(file: bytes) -> str:
    """The file's first line; raises OSError, and ValueError where it is not text."""
    with open(file, encoding="utf-8") as opened:
        return opened.readline().rstrip("\r\n")


def cause_of(error: Exception) -> str:
    """Why it could not be read, in a few words."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "it is not text"

"""The version, as a constant: reading package metadata would double the time that a command takes."""

from typing import Final

VERSION: Final = "0.1.0"

"""Where a secret stands: in a file, or in one of the credentials that systemd hands to the service."""

import os
from typing import Final

from cloudgather.config.values import folder, text

# Where systemd.exec(5) puts the credentials of the service. Who checks the configuration from a shell is given none.
_OF_SERVICE: Final = "/run/credentials/cloudgather.service"
_LONGEST: Final = 255


def secret_file(value: object) -> bytes:
    """The file of a `*_file` key: an absolute path as it is, a bare name in $CREDENTIALS_DIRECTORY (LoadCredential=).

    Whether it is there is not looked at: secrets may come later, and are read when they are needed.
    """
    given = text(value)
    if "/" in given or given.startswith("~"):
        try:
            return folder(value)
        except ValueError as error:
            raise ValueError(f"{error}, or write the bare name of a credential (LoadCredential= of the unit)") from None
    if given in (".", "..") or "\0" in given or len(given.encode()) > _LONGEST:
        raise ValueError(f'"{given}" is neither a path that begins with / nor the name of a credential')
    return os.path.join(os.fsencode(os.environ.get("CREDENTIALS_DIRECTORY") or _OF_SERVICE), given.encode())

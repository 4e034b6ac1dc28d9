"""Where a secret stands: in a file, or in one of the credentials that systemd hands to the service."""

import os
from collections.abc import Callable, Mapping
from typing import Final

from cgwire.flaws import Flaw
from cloudgather.config.values import below, folder, text
from cloudgather.core.unfit import Unfit

_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"  # systemd.exec(5): what LoadCredential= names is there


def secret_file(file: str, environ: Mapping[str, str]) -> Callable[[object], bytes]:
    """Reads a `*_file` key of the main file `file`: a path; a name alone is a credential, or else a file beside `file`.

    Whether that file is there is not looked at: a secret may come later, and is read when it is needed.
    """

    def read(value: object) -> bytes:
        given = text(value)
        if given.startswith(("/", "~")):
            return folder(given)
        name = below(given)
        if not name:
            raise Unfit(Flaw.SECRET_EMPTY, given=given)
        credentials = environ.get(_CREDENTIALS)
        if credentials and os.path.exists(credential := os.path.join(os.fsencode(credentials), name)):
            return credential
        return os.path.join(os.fsencode(os.path.dirname(file)), name)

    return read

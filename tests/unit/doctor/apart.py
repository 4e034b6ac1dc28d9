"""Run as another user: examines one source or target, named by its kind and root, and prints what it found."""

import json
import os
import sys

from cloudgather.core.target import Kind, TargetSpec
from unit.doctor.examined import a_task, source_of, target_of

if __name__ == "__main__":
    what, root = sys.argv[1], os.fsencode(sys.argv[2])
    if what == "source":
        checks = source_of(a_task(root)).checks
    else:
        checks = [target_of(TargetSpec(name="cloud", root=root, kind=Kind(what)))]
    print(json.dumps([check.to_json() for check in checks]))  # noqa: T201  # read by the test

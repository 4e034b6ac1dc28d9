"""cloudgatherd with deadlines that a test can wait for: `python -m e2e.impatient --config FILE`."""

import sys

from cloudgather.agent.deadlines import Deadlines
from cloudgather.app import starting

# Long enough for a busy machine to answer, short enough to be met.
IMPATIENT = Deadlines(quick=2.0, write=2.0, listing=2.0, flush=2.0, cancel=1.0, leave=1.0, reap=0.5, tick=0.1)

if __name__ == "__main__":
    sys.exit(starting.run(sys.argv[2], deadlines=IMPATIENT))

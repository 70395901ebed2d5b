"""`python -m data_versioning` is `dv`."""

import sys

from data_versioning.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

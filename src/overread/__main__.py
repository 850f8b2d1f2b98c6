"""`python -m overread` is the command line."""

import sys

from overread.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

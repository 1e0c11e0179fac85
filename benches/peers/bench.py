"""Times the networks side by side with their peers: `python bench.py --help`."""

import sys

from peers.main import main

if __name__ == "__main__":
    sys.exit(main())

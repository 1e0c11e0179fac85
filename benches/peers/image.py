"""Times what surrounds the networks beside Python: `python image.py --help`."""

import sys

from pictures.main import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m daemon.cli`: the program `maskloop`."""

import sys

from daemon.cli import main

sys.exit(main())

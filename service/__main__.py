"""`python -m service` is `momentwatch`."""

import sys

from service.cli.main import main

sys.exit(main())

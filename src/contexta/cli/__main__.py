"""``python -m contexta.cli``"""

import sys

from contexta.cli import main

sys.exit(main())

"""Where the packaged program begins: the same command as `hucha-tablet` from a checkout."""

import sys

from mobile.main import main

sys.exit(main())

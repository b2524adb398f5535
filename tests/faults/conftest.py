import sys
from pathlib import Path

for name in ("faults", "protocol", "ledger"):
    sys.path.insert(0, str(Path(__file__).parent.parent / name))

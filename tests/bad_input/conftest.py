import sys
from pathlib import Path

for name in ("bad_input", "faults", "protocol", "ledger"):
    sys.path.insert(0, str(Path(__file__).parent.parent / name))

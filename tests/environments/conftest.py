import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "protocol"))  # its small families and tables

import sys
from pathlib import Path

for _name in ("protocol", "rewards", "chat"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _name))
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

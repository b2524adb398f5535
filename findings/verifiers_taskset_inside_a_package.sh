#!/usr/bin/env bash
# verifiers 0.4.0: a taskset that stands inside a package cannot be named by its dotted module.
#
# `verifiers.v1` finds a taskset by its id: among its own tasksets first, then as an installed module. The first look is
# `find_spec("verifiers.v1.tasksets." + id)`, and of a dotted id that imports the parent, which is none of its own, so
# `ModuleNotFoundError` is raised before the second look. The same taskset is found once a module without a dot exports it,
# so a package whose tasks stand in a module of it needs another module at the top level for `vf-eval` and `vf-validate`.
#
# Seen: the id `research_tasks` is imported, `research.tasks` ends in "No module named 'verifiers.v1.tasksets.research'".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check verifiers==0.4.0
mkdir "$folder/research"
touch "$folder/research/__init__.py"
echo "NAME = 'tasks'" > "$folder/research/tasks.py"
echo "from research.tasks import NAME" > "$folder/research_tasks.py"
cat > "$folder/finding.py" <<'PYTHON'
import importlib
from importlib.metadata import version

from verifiers.v1.utils.loaders import import_taskset

print("verifiers", version("verifiers"))
assert importlib.import_module("research.tasks").NAME == "tasks"
print("research_tasks:", import_taskset("research_tasks").NAME)
try:
    import_taskset("research.tasks")
except ModuleNotFoundError as error:
    print("research.tasks:", error)
    assert "verifiers.v1.tasksets.research" in str(error), "another module is missed now"
else:
    raise SystemExit("a dotted id is imported now")
PYTHON
cd "$folder"
"$folder/venv/bin/python" finding.py

"""Print whether a saved plan has changes, as an output of a step: `saved_plan.py FILE >> "$GITHUB_OUTPUT"`."""

import json
import sys
from pathlib import Path

plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
print(f"changes={'true' if plan['changeSet'] else 'false'}")

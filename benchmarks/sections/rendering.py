"""Time to render all templates, as a whole process."""

from benchmarks.measure import Effort, processes
from benchmarks.rows import Row, at_most, row

# --check renders everything and writes nothing.
CODE = "import runpy, sys; sys.argv = ['generator', '--check']; runpy.run_module('generator', run_name='__main__')"


def measure(effort: Effort) -> list[Row]:
    what = "render all templates"
    return [row(what, "s", processes({what: CODE}, effort.runs)[what], target=at_most(1))]

"""Time to render all templates, as a whole process."""

from benchmarks.measure import Effort, medians

# --check renders everything and writes nothing.
CODE = "import runpy, sys; sys.argv = ['generator', '--check']; runpy.run_module('generator', run_name='__main__')"


def measure(effort: Effort) -> list[dict]:
    seconds = medians({"render": CODE}, effort.runs)["render"]
    return [{"what": "render all templates", "median": f"{seconds:.2f} s", "ratio": "", "target": "< 1 s"}]

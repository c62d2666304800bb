"""`python -m audit`: judge the templates by checkov, parliament and cfn-guard; exit 1 if there is a finding."""

import argparse
import sys
import tempfile
from pathlib import Path

from audit import findings, policies, stacks, tools
from config import environment
from config.parameters import from_environment
from deployer.plan import cfn_yaml

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = "prod"
PIPELINE_PARAMETERS = {
    "Environment": ENVIRONMENT,
    "Repository": "example/food-delivery",
    "GitHubEnvironment": ENVIRONMENT,
}
PACKAGES = {"ArtifactBucket": "artifacts", "FunctionsKey": "packages/functions.zip", "LayerKey": "packages/layer.zip"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m audit", description="Judge the rendered templates.")
    parser.add_argument("--verbose", action="store_true", help="list the accepted findings with their reasons")
    verbose = parser.parse_args().verbose
    templates = resolved_templates() | resolved_bootstrap()
    left = 0
    for result in results(templates):
        reasons = findings.accepted(templates, result.tool)
        print(findings.summary(result, reasons))
        for line in findings.explained(reasons) if verbose else ():
            print(line)
        for problem in findings.problems(result, reasons):
            print(problem, file=sys.stderr)
            left += 1
    print(f"audit: {left} to settle" if left else "audit: clean")
    return 1 if left else 0


def rendered_templates() -> dict[str, dict]:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "templates").glob("*.yaml")}
    return {name: cfn_yaml.load(text) for name, text in texts.items()}


def resolved_templates() -> dict[str, dict]:
    """Return the templates as production has them."""
    return stacks.resolve(rendered_templates(), {**from_environment(environment.load(ENVIRONMENT)), **PACKAGES})


def resolved_bootstrap() -> dict[str, dict]:
    """Return the templates of production's roles and policies outside the platform."""
    texts = {name: (ROOT / "bootstrap" / f"{name}.yaml").read_text(encoding="utf-8") for name in findings.BOOTSTRAP}
    return {name: stacks.Stack(cfn_yaml.load(text), PIPELINE_PARAMETERS).resolved() for name, text in texts.items()}


def results(templates: dict[str, dict]) -> list[findings.Result]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "templates")
        tools.write(templates, folder)
        return [
            tools.checkov(folder),
            tools.parliament(policies.of_templates(templates)),
            tools.guard(folder, Path(scratch, "guard")),
        ]


if __name__ == "__main__":
    sys.exit(main())

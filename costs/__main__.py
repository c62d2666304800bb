"""Print the rows of docs/cost.md's table of levers: `python -m costs`."""

from config import environment
from costs import levers
from costs.environments import tree


def main() -> None:
    dev, prod = (levers.saved(tree(environment.load(name))) for name in ("dev", "prod"))
    for lever in dev:
        print(f"| {lever} | {dev[lever]:.2f} | {prod[lever]:.2f} |")


if __name__ == "__main__":
    main()

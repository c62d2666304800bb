"""The rendered templates, parsed, as every test here looks at them."""

from functools import partial

import pytest

from deployer.plan import cfn_yaml
from generator.render import render
from tests.unit.templates import production


@pytest.fixture(scope="session")
def rendered() -> dict[str, str]:
    return render()


@pytest.fixture(scope="session")
def templates(rendered) -> dict[str, dict]:
    return {name: cfn_yaml.load(text) for name, text in rendered.items()}


@pytest.fixture(scope="session")
def root(templates) -> dict:
    return templates["root"]


@pytest.fixture(scope="session")
def data(templates) -> dict:
    return templates["data"]


@pytest.fixture(scope="session")
def compute(templates) -> dict:
    return templates["compute"]


@pytest.fixture(scope="session")
def api(templates) -> dict:
    return templates["api"]


@pytest.fixture(scope="session")
def monitoring(templates) -> dict:
    return templates["monitoring"]


@pytest.fixture(scope="session")
def prod(templates) -> production.Resources:
    return production.resources_of(templates)


@pytest.fixture
def broken(prod):
    """Prod with a value changed or removed: `production.changed`."""
    return partial(production.changed, prod)

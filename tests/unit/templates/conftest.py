"""The rendered templates, parsed, as every test here looks at them."""

import pytest

from deployer import cfn_yaml
from generator.render import render


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

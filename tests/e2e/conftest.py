"""One deployment of the real project to a local emulator, which the tests share.

The tests drive it as a client would, over HTTP, and look into the table
through DynamoDB's own API. Functions run under their own IAM roles.
"""

import uuid

import pytest

from tests.e2e import browser as chromium
from tests.e2e.support import copy_project, deployed, restore, start, stop


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process run all tests of a deployment: those that share one, else those of a module."""
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("xdist_group"):
            group = "deployment" if "deployment" in item.fixturenames else item.path.stem
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def deployment(tmp_path_factory):
    local_dir = tmp_path_factory.mktemp("deployment")
    try:
        yield start(local_dir)
    finally:
        stop(local_dir)


@pytest.fixture(scope="session")
def api(deployment):
    with deployment.api() as client:
        yield client


@pytest.fixture
def customer() -> str:
    """A customer of this test alone."""
    return f"CUST-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory):
    """(a copy of the project, its deployment); tests go through `project`, which puts it back."""
    directory = tmp_path_factory.mktemp("project")
    project, local_dir = copy_project(directory / "project"), directory / "local"
    try:
        yield project, start(local_dir, project)
    finally:
        stop(local_dir, project)


@pytest.fixture
def project(shared_project):
    """A copy of the project whose sources a test may change, and its deployment. Both are as they were afterwards.

    Tests that use it belong to the group "project", so that one process deploys it once.
    """
    project, deployment = shared_project
    yield project, deployment
    if restore(project):
        deployed(
            *("--env", "dev", "--local", "--yes"),
            *("--allow-replace", "OrderQueue"),
            local_dir=deployment.local_dir,
            project=project,
        )


@pytest.fixture(scope="module")
def browser():
    """A Chromium for the tests of a module: Playwright's event loop, which it keeps running, ends with them."""
    if not (path := chromium.executable()):
        pytest.skip("there is no Chromium on the PATH (Debian: apt-get install chromium)")
    with chromium.started(path) as started:
        yield started


@pytest.fixture
def problems() -> list[str]:
    """What went wrong in the page; a test that provokes an error clears it."""
    return []


@pytest.fixture
def page(browser, problems):
    """A page that fails its test for console errors, failed requests and requests to other hosts."""
    with chromium.watched(browser, problems) as page:
        yield page
    assert not problems

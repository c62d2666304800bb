"""What all tests share: no settings of this machine, no emulator left behind, and no haste."""

import os
from collections.abc import Callable
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader, Loader
from hypothesis import settings

from deployer.aws import isolated
from emulator import ownership

# The developer's settings for AWS and of a proxy are none of the tests' business. Before any other conftest.py is
# read: those of some folders set variables of their own.
_KEPT = isolated.environment(os.environ)
os.environ.clear()
os.environ.update(_KEPT)

# botocore reads a service's model, megabytes of JSON, for each session that makes a client, and lists the folders of all
# services. The tests make hundreds of sessions: here a file is read, and the folders are listed, once per process.
_read, _list = JSONFileLoader._load_file, Loader.list_available_services
_read_once = cache(lambda full_path, opened_by, modified: _read(JSONFileLoader(), full_path, opened_by))
_list_once = cache(lambda paths, kind: _list(Loader(list(paths), include_default_search_paths=False), kind))


def _load_file(_: JSONFileLoader, full_path: str, opened_by: Callable) -> object:
    return _read_once(full_path, opened_by, os.stat(full_path).st_mtime_ns) if os.path.isfile(full_path) else None


def _list_available_services(self: Loader, type_name: str) -> list[str]:
    return list(_list_once(tuple(self.search_paths), type_name))


JSONFileLoader._load_file, Loader.list_available_services = _load_file, _list_available_services

# An example takes as long as the machine lets it; what hangs is ended by pytest-timeout.
# The parent is the profile in force: on CI Hypothesis chooses one that tries the same examples each time.
settings.register_profile("project", settings(), deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def no_emulator_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every emulator that a test starts ends with its test process, even when that is killed."""
    ownership.end_with_this_process(tmp_path_factory.mktemp("lifeline"))

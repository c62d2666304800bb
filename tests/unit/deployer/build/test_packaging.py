"""The same sources make the same bytes, wherever and whenever they are packaged."""

import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.build import packaging, wheels
from deployer.build.packaging import Package, zip_of
from deployer.errors import Exit, Failure

names = st.text("abcdefgh_", min_size=1, max_size=8).map(lambda name: f"handlers/{name}.py")
trees = st.dictionaries(names, st.binary(max_size=200), min_size=1, max_size=8)


def write(root, files, order, mtime, mode):
    for package in packaging.PACKAGES:
        (root / package).mkdir(parents=True, exist_ok=True)
        (root / package / "__init__.py").touch()
    for name in order:
        path = root / name
        path.write_bytes(files[name])
        os.utime(path, (mtime, mtime))
        path.chmod(mode)
    return packaging.functions(root)


@settings(max_examples=40, deadline=None)
@given(files=trees, data=st.data(), mtime=st.integers(0, 2**31 - 1), mode=st.sampled_from([0o600, 0o644, 0o755]))
def test_order_times_and_permissions_do_not_matter(tmp_path_factory, files, data, mtime, mode):
    here = write(tmp_path_factory.mktemp("a"), files, sorted(files), 0, 0o644)
    there = write(tmp_path_factory.mktemp("b"), files, data.draw(st.permutations(sorted(files))), mtime, mode)
    assert here.content == there.content
    assert here.key == there.key


@given(files=trees, data=st.data())
def test_a_changed_byte_is_another_key(files, data):
    name = data.draw(st.sampled_from(sorted(files)))
    changed = {**files, name: files[name] + b"\n"}
    assert Package("functions", zip_of(files)).key != Package("functions", zip_of(changed)).key


@given(files=trees)
def test_a_renamed_file_is_another_key(files):
    name = min(files)
    renamed = {key: value for key, value in files.items() if key != name} | {"domain/renamed.py": files[name]}
    assert zip_of(files) != zip_of(renamed)


@given(files=trees)
def test_any_unzip_finds_what_went_in(files):
    with zipfile.ZipFile(io.BytesIO(zip_of(files))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_everything_is_compressed_and_readable():
    with zipfile.ZipFile(io.BytesIO(zip_of({"domain/a.py": b"x" * 1000}))) as archive:
        (entry,) = archive.infolist()
    assert entry.compress_type == zipfile.ZIP_DEFLATED and entry.compress_size < 50
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert entry.external_attr >> 16 == 0o100644
    assert entry.create_system == 3


def test_the_bytes_are_these_on_every_machine():
    text = "".join(f"def f{n}():\n    return {n * n % 97}\n" for n in range(200)).encode()
    assert Package("functions", zip_of({"handlers/a.py": text, "contract/b.json": b"{}"})).key == (
        "packages/functions-1e69e51acad7c07f9f0b0ce30793c39e3e286283a9e9c37f318b171f60ae0ced.zip"
    )


def test_tests_caches_and_editor_leftovers_stay_at_home(tmp_path):
    files = {"handlers/a.py": b"1", "handlers/data.json": b"{}"}
    clean = write(tmp_path, files, files, 0, 0o644)
    for leftover in (
        "handlers/__pycache__/a.cpython-313.pyc",
        "handlers/tests/test_a.py",
        "handlers/.a.py.swp",
        "handlers/a.py~",
    ):
        (tmp_path / leftover).parent.mkdir(exist_ok=True)
        (tmp_path / leftover).write_bytes(b"x")
    assert packaging.functions(tmp_path).content == clean.content
    assert "handlers/data.json" in packaging.sources(tmp_path)


def test_a_missing_package_is_an_error_not_a_smaller_zip(tmp_path):
    with pytest.raises(FileNotFoundError):
        packaging.functions(tmp_path)


# --- the layer -------------------------------------------------------------------------------


def wheel(directory, name="thing-1.0-py3-none-any.whl", files=None):
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in (
            files
            or {
                "thing/__init__.py": "x = 1",
                "thing-1.0.dist-info/licenses/LICENSE": "MIT",
                "thing-1.0.data/scripts/tool.py": "#!",
                "thing-1.0.data/purelib/extra.py": "y = 2",
            }
        ).items():
            archive.writestr(inner, content)
    return path


def pin(tmp_path, *wheels_):
    import hashlib

    requirements = tmp_path / "layer.txt"
    requirements.write_text(
        "".join(f"thing==1.0 --hash=sha256:{hashlib.sha256(w.read_bytes()).hexdigest()}\n" for w in wheels_)
    )
    return requirements


@pytest.fixture
def pip(monkeypatch, tmp_path):
    """A pip that "downloads" the wheel of `source`; counts its calls."""
    source, calls = wheel(tmp_path / "source"), []

    def download(requirements, directory):
        calls.append(directory)
        wheel(directory).write_bytes(source.read_bytes())

    monkeypatch.setattr(wheels, "_download", download)
    return source, calls


def test_the_layer_holds_packages_and_licences_but_no_scripts(pip, tmp_path):
    package = wheels.layer(pin(tmp_path, pip[0]), tmp_path / "cache")
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        assert archive.namelist() == [
            "python/extra.py",
            "python/thing-1.0.dist-info/licenses/LICENSE",
            "python/thing/__init__.py",
        ]


def test_a_second_run_needs_no_network(pip, tmp_path):
    requirements = pin(tmp_path, pip[0])
    assert wheels.layer(requirements, tmp_path / "cache") == wheels.layer(requirements, tmp_path / "cache")
    assert len(pip[1]) == 1


def test_a_damaged_cache_is_downloaded_again(pip, tmp_path):
    requirements = pin(tmp_path, pip[0])
    wheels.layer(requirements, tmp_path / "cache")
    next((tmp_path / "cache").glob("*/*.whl")).write_bytes(b"damaged")
    wheels.layer(requirements, tmp_path / "cache")
    assert len(pip[1]) == 2


def test_a_wheel_that_is_not_pinned_is_never_packaged(pip, tmp_path):
    requirements = pin(tmp_path, wheel(tmp_path / "other", files={"evil.py": "x"}))
    with pytest.raises(Failure) as failure:
        wheels.layer(requirements, tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING


@pytest.mark.parametrize("text", [None, "thing==1.0\n"])
def test_missing_or_unpinned_requirements_are_refused(tmp_path, text):
    if text:
        (tmp_path / "layer.txt").write_text(text)
    with pytest.raises(Failure) as failure:
        wheels.layer(tmp_path / "layer.txt", tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING


def test_a_failed_download_says_why_in_one_line_and_names_no_host(monkeypatch, tmp_path):
    class Result:
        returncode = 1
        stderr = "WARNING: x\nERROR: Could not reach https://packages.invalid/simple/ for thing\n"

    monkeypatch.setattr(wheels.subprocess, "run", lambda *args, **kwargs: Result)
    with pytest.raises(Failure) as failure:
        wheels.layer(pin(tmp_path, wheel(tmp_path / "source")), tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING
    assert "packages.invalid" not in failure.value.message
    assert "\n" not in failure.value.message

"""The same sources make the same bytes, wherever and whenever they are packaged."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import cli
from deployer.artifacts import packaging, wheels
from deployer.artifacts.packaging import Package, zip_of
from deployer.errors import Exit, Failure
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[4]

names = st.text("abcdefgh_", min_size=1, max_size=8).map(lambda name: f"handlers/{name}.py")
trees = st.dictionaries(
    names, st.binary(max_size=200).map(lambda data: f"DATA = {data!r}\n".encode()), min_size=1, max_size=8
)


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


LEFTOVERS = (
    "handlers/__pycache__/a.cpython-313.pyc",
    "handlers/tests/__init__.py",
    "handlers/tests/test_a.py",
    "handlers/.a.py.swp",
    "handlers/.#a.py",
    "handlers/a.py~",
    "handlers/a.py.orig",
    "handlers/a copy.py",
    "handlers/a-old.py",
    "handlers/.DS_Store",
    "handlers/secrets.json",
    "handlers/.env",
    "domain/notes/a.py",
)


def test_nothing_but_modules_is_packaged(tmp_path):
    files = {"handlers/a.py": b"A = 1", "handlers/part/__init__.py": b"", "handlers/part/b.py": b"B = 1"}
    (tmp_path / "handlers" / "part").mkdir(parents=True)
    clean = write(tmp_path, files, files, 0, 0o644)
    for leftover in LEFTOVERS:
        (tmp_path / leftover).parent.mkdir(exist_ok=True)
        (tmp_path / leftover).write_bytes(b"(")
    (tmp_path / "handlers" / "keys").symlink_to(tmp_path)  # its __init__.py is missing: nothing could import it
    assert packaging.functions(tmp_path).content == clean.content
    assert files.keys() <= packaging.sources(tmp_path).keys()


@pytest.mark.parametrize("link", ["handlers/a.py", "handlers/part", "domain"])
def test_a_module_that_is_a_link_is_refused(tmp_path, link):
    outside = tmp_path / "outside"
    write(outside, {"handlers/a.py": b""}, ["handlers/a.py"], 0, 0o644)
    root = tmp_path / "root"
    write(root, {}, [], 0, 0o644)
    if link == "domain":
        (root / "domain" / "__init__.py").unlink()
        (root / "domain").rmdir()
    target = outside / ("handlers/a.py" if link.endswith(".py") else "domain")
    (root / link).symlink_to(target, target_is_directory=target.is_dir())
    with pytest.raises(Failure, match=f"^{link} is not a regular file") as failure:
        packaging.functions(root)
    assert failure.value.code is Exit.PACKAGING


def test_a_folder_that_is_named_like_a_module_is_refused(tmp_path):
    write(tmp_path, {}, [], 0, 0o644)
    (tmp_path / "handlers" / "a.py").mkdir()
    with pytest.raises(Failure, match=r"handlers/a\.py is not a regular file"):
        packaging.functions(tmp_path)


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (b"X = 1\ndef f(:\n", ":2"),
        (b"X = 1\n\n  Y = 2\n", ":3"),
        (b"X = 1\n<<<<<<< HEAD\n", ":2"),
        (b"X = '\xff'\n", ""),
        (b"X = 1\n\0", ":2"),
        (b"# coding: no-such\n", ""),
        (b"X = " + b"(" * 500 + b")" * 500, ""),
        (b"return 1\n", ":1"),
    ],
)
def test_a_module_that_does_not_compile_is_named_with_its_line(tmp_path, source, where):
    with pytest.raises(Failure, match=rf"^handlers/a\.py{where}[:0-9]* does not compile: .") as failure:
        write(tmp_path, {"handlers/a.py": source}, ["handlers/a.py"], 0, 0o644)
    assert failure.value.code is Exit.PACKAGING
    assert "\n" not in failure.value.message


def test_a_process_compiles_again_only_what_has_changed(tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(packaging, "compile", lambda source, name, *_, **__: compiled.append(name), raising=False)
    for content in (b"ONCE = 1", b"ONCE = 2"):
        write(
            tmp_path,
            {"handlers/once_a.py": content, "handlers/once_b.py": b"OTHER = 1"},
            ["handlers/once_a.py", "handlers/once_b.py"],
            0,
            0o644,
        )
    assert sorted(name for name in compiled if "once" in name) == [
        "handlers/once_a.py",
        "handlers/once_a.py",
        "handlers/once_b.py",
    ]


def test_line_ends_do_not_matter(tmp_path_factory):
    name = "handlers/a.py"
    unix = write(tmp_path_factory.mktemp("a"), {name: b'A = """\n"""\n'}, [name], 0, 0o644)
    windows = write(tmp_path_factory.mktemp("b"), {name: b'A = """\r\n"""\r\n'}, [name], 0, 0o644)
    assert unix == windows


def test_a_clone_that_converts_line_ends_has_the_same_bytes(tmp_path):
    """What is packaged, rendered, pinned or run by a shell."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.autocrlf=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    parts = (*packaging.PACKAGES, "templates", "requirements", "examples", "docs")
    for part in parts:
        shutil.copytree(ROOT / part, origin / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".gitattributes", origin)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *command], cwd=origin, env=environment, check=True)
    subprocess.run(
        ["git", "clone", "--quiet", "--config", "core.autocrlf=true", origin, clone], env=environment, check=True
    )
    files = [path.relative_to(origin) for part in parts for path in (origin / part).rglob("*") if path.is_file()]
    assert [file for file in files if (origin / file).read_bytes() != (clone / file).read_bytes()] == []
    assert packaging.functions(clone) == packaging.functions(ROOT)


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
    requirements = tmp_path / "layer.txt"
    requirements.write_text(
        "".join(
            f"{w.name.split('-')[0]}==1.0 \\\n    --hash=sha256:{hashlib.sha256(w.read_bytes()).hexdigest()}\n"
            for w in wheels_
        )
    )
    return requirements


class Pip:
    """A pip that "downloads" `wheels`; counts its calls."""

    def __init__(self, *wheels):
        self.wheels, self.calls = wheels, 0

    def download(self, requirements, directory):
        self.calls += 1
        return nullcontext(lambda: [shutil.copy(source, directory) for source in self.wheels])


@pytest.fixture
def pip(monkeypatch, tmp_path):
    pip = Pip(
        wheel(tmp_path / "source"),
        wheel(tmp_path / "source", "other-1.0-py3-none-any.whl", {"other.py": "z = 3"}),
    )
    monkeypatch.setattr(wheels, "_download", pip.download)
    return pip


def names_in(package):
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        return archive.namelist()


def test_the_layer_holds_packages_and_licences_but_no_scripts(pip, tmp_path):
    assert names_in(wheels.layer(pin(tmp_path, *pip.wheels), tmp_path / "cache")) == [
        "python/extra.py",
        "python/other.py",
        "python/thing-1.0.dist-info/licenses/LICENSE",
        "python/thing/__init__.py",
    ]


def test_a_second_run_needs_no_network(pip, tmp_path):
    requirements = pin(tmp_path, *pip.wheels)
    assert wheels.layer(requirements, tmp_path / "cache") == wheels.layer(requirements, tmp_path / "cache")
    assert pip.calls == 1


def damage(path):
    path.write_bytes(b"damaged")


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1])


def replace_by_a_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_a_dangling_link(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("harm", [Path.unlink, damage, cut_off, replace_by_a_folder, replace_by_a_dangling_link])
def test_a_cache_that_lacks_a_wheel_is_downloaded_again(pip, tmp_path, harm, number):
    requirements = pin(tmp_path, *pip.wheels)
    complete = wheels.layer(requirements, tmp_path / "cache")
    harm(sorted((tmp_path / "cache").glob("*/*.whl"))[number])
    assert wheels.layer(requirements, tmp_path / "cache") == complete
    assert wheels.layer(requirements, tmp_path / "cache") == complete
    assert pip.calls == 2


def test_files_in_the_cache_that_are_not_pinned_are_ignored(pip, tmp_path):
    requirements = pin(tmp_path, *pip.wheels)
    complete = wheels.layer(requirements, tmp_path / "cache")
    [directory] = (tmp_path / "cache").iterdir()
    wheel(directory, "evil-1.0-py3-none-any.whl", {"evil.py": "x"})
    (directory / ".DS_Store").touch()
    assert wheels.layer(requirements, tmp_path / "cache") == complete
    assert pip.calls == 1


def test_of_two_pinned_wheels_of_one_package_none_is_guessed(pip, tmp_path):
    """A lock file has the hashes of all platforms; a wheel of another one may lie in the cache."""
    foreign = wheel(tmp_path / "foreign", "thing-1.0-cp313-cp313-win_amd64.whl", {"thing.pyd": "MZ"})
    requirements = pin(tmp_path, *pip.wheels)
    digest = hashlib.sha256(foreign.read_bytes()).hexdigest()
    requirements.write_text(requirements.read_text().replace("thing==1.0", f"thing==1.0 --hash=sha256:{digest}"))
    complete = wheels.layer(requirements, tmp_path / "cache")
    [directory] = (tmp_path / "cache").iterdir()
    shutil.copy(foreign, directory)
    assert wheels.layer(requirements, tmp_path / "cache") == complete
    assert pip.calls == 2


def test_a_cache_that_cannot_be_written_is_not_needed(pip, tmp_path):
    requirements = pin(tmp_path, *pip.wheels)
    complete = wheels.layer(requirements, tmp_path / "cache")
    (tmp_path / "file").touch()
    assert wheels.layer(requirements, tmp_path / "file" / "cache") == complete


def test_a_wheel_that_is_not_pinned_is_never_packaged(pip, tmp_path):
    evil = wheel(tmp_path / "evil", files={"evil.py": "x"})
    with pytest.raises(Failure, match=r"do not match the pins in layer\.txt") as failure:
        wheels.layer(pin(tmp_path, evil, pip.wheels[1]), tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING


def test_a_package_that_pip_leaves_out_stops_the_run(pip, tmp_path):
    requirements = pin(tmp_path, *pip.wheels)
    pip.wheels = pip.wheels[:1]
    with pytest.raises(Failure, match=r"do not match the pins in layer\.txt") as failure:
        wheels.layer(requirements, tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING


def test_packages_that_differ_in_a_file_are_refused(pip, tmp_path):
    pip.wheels = pip.wheels[0], wheel(tmp_path / "source", "other-1.0-py3-none-any.whl", {"extra.py": "z = 3"})
    with pytest.raises(Failure, match=r"other and another pinned package differ in extra\.py") as failure:
        wheels.layer(pin(tmp_path, *pip.wheels), tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# nothing\n",
        "thing==1.0\n",
        "thing>=1.0 --hash=sha256:" + "0" * 64,
        "thing==1.0 --hash=sha256:" + "0" * 63,
        "thing==1.0 --hash=md5:" + "0" * 32,
        "thing==1.0 --hash=sha256:" + "0" * 64 + "\nother==2.0\n",
        "thing==1.0 --hash=sha256:" + "0" * 64 + "\n-e .\n",
        ("thing==1.0 --hash=sha256:" + "0" * 64 + "\n") * 2,
    ],
)
def test_missing_or_unpinned_requirements_are_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "layer.txt").write_text(text)
    with pytest.raises(Failure) as failure:
        wheels.layer(tmp_path / "layer.txt", tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING


def pip_that_runs(monkeypatch, tmp_path, code):
    program = tmp_path / "pip"
    program.write_text(f"#!{sys.executable}\n{code}")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def test_a_failed_download_says_why_in_one_line_and_names_no_host(monkeypatch, tmp_path):
    said = "WARNING: x\\nERROR: Could not reach https://packages.invalid/simple/ for thing"
    pip_that_runs(monkeypatch, tmp_path, f"raise SystemExit('{said}')")
    with pytest.raises(Failure) as failure:
        wheels.layer(pin(tmp_path, wheel(tmp_path / "source")), tmp_path / "cache")
    assert failure.value.code is Exit.PACKAGING
    assert "packages.invalid" not in failure.value.message
    assert "\n" not in failure.value.message


def test_a_download_that_is_no_longer_wanted_is_ended(monkeypatch, tmp_path):
    pip_that_runs(monkeypatch, tmp_path, f"open({str(tmp_path / 'runs')!r}, 'w').close(); import time; time.sleep(900)")
    with wheels.started(pin(tmp_path, wheel(tmp_path / "source")), tmp_path / "cache"):
        eventually((tmp_path / "runs").exists)
    assert not (tmp_path / "cache").exists(), "the block has ended, and so has pip"


@pytest.mark.parametrize("source", [b"a = 1\nb = (\n", b"a = 1\nb\0"])
def test_the_command_names_the_module_that_it_could_not_import(monkeypatch, tmp_path, capsys, source):
    """Some of what is packaged, the engine imports. Python does not say where a null byte is."""
    write(tmp_path, {}, (), 0, 0o644)
    (tmp_path / "contract" / "a.py").write_bytes(source)
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(cli, "_run", lambda *_: compile(source, "?", "exec"))
    assert cli.main(["--env", "dev", "--plan"]) == Exit.PACKAGING
    assert "deploy.py: contract/a.py:2 does not compile" in capsys.readouterr().err

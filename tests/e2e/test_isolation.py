"""A local run needs nothing and listens to nothing of AWS's or a proxy's settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.aws import isolated
from tests.e2e.support import ROOT

pytestmark = pytest.mark.e2e

NONSENSE = "nonsense\tvalue"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
DEAD = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""
KNOWN = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    *("AWS_ENDPOINT_URL_CLOUDFORMATION", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_ROLE_ARN", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "SSL_CERT_FILE"),
    *("AWS_S3_USE_ARN_REGION", "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS", "AWS_BEARER_TOKEN_BEDROCK"),
)


def every_variable() -> set[str]:
    """Those that the installed botocore reads by its own table, and those that it or the rest reads elsewhere."""
    from botocore.session import Session

    found = set(KNOWN)
    for _, names, _, _ in Session.SESSION_VARIABLES.values():
        found |= {names} if isinstance(names, str) else set(names or ())
    return found


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """An environment in which everything that botocore and HTTP clients listen to is wrong."""
    home = tmp_path / "home"
    models = home / ".aws" / "models" / "s3" / "2006-03-01"
    models.mkdir(parents=True)
    (models / "service-2.json").write_text("{")
    (home / ".aws" / "config").write_text("[profile default\nregion = = \x00\n")
    (home / ".aws" / "credentials").write_bytes(b"\xff[default")
    (home / ".curlrc").write_text(f'proxy = "{DEAD}"\n')
    variables = dict.fromkeys(every_variable(), NONSENSE) | dict.fromkeys(PROXIES, DEAD)
    variables |= {"AWS_CONFIG_FILE": str(home), "AWS_SHARED_CREDENTIALS_FILE": str(home), "AWS_DATA_PATH": str(home)}
    return {**os.environ, "HOME": str(home), **variables}


def run(command: list, environment: dict[str, str], **more) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_local_deployment_and_its_commands_listen_to_nothing(hostile: dict[str, str], tmp_path: Path) -> None:
    local = {**hostile, "FOOD_DELIVERY_LOCAL_DIR": str(tmp_path / "local")}
    local["FOOD_DELIVERY_CACHE_DIR"] = os.environ.get("FOOD_DELIVERY_CACHE_DIR", str(ROOT / ".local"))
    outputs = str(tmp_path / "outputs.json")
    python = sys.executable
    try:
        run([python, "deploy.py", "--env", "staging", "--local", "--yes", "--outputs-file", outputs], local)
        run([python, "deploy.py", "--env", "staging", "--local", "--smoke"], local)
        run([python, "deploy.py", "--env", "staging", "--local", "--status"], local)
        said = run(["bash", "examples/walkthrough.sh", outputs], {**local, "PYTHON": python})
        assert "# Send an invalid order: it is refused" in said
        run([python, "examples/traffic.py", outputs, "--seconds", "1"], local)
        page = str(tmp_path / "page.html")
        run([python, "-m", "preview", "--local", "--local-dir", str(tmp_path / "local"), "--output", page], local)
    finally:
        run([python, "deploy.py", "--local", "--stop"], local)


def test_an_isolated_session_has_what_it_is_given_and_botocores_defaults(hostile, monkeypatch) -> None:
    """Each variable of botocore's own table is nonsense; with the first that counted, this would differ or fail."""
    before = {name: isolated.session("root", "root").client(name, "us-east-1").meta.config for name in SERVICES}
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    session = isolated.session("root", "root")
    for name, config in before.items():
        client = session.client(name, "us-east-1")
        ours, theirs = vars(client.meta.config), vars(config)
        assert {key: ours[key] for key in ours if "user_agent" not in key} == {
            key: theirs[key] for key in theirs if "user_agent" not in key
        }
        assert client.meta.endpoint_url.endswith(".amazonaws.com")
    assert session.get_credentials().token is None
    assert session.available_profiles == []


SERVICES = ("s3", "cloudformation", "dynamodb", "sts")


def test_an_environment_keeps_what_is_not_aws_or_a_proxy() -> None:
    given = {
        "PATH": "/bin",
        "AWS_PROFILE": "x",
        "aws_x": "x",
        "BOTO_CONFIG": "x",
        "BOTOCORE_X": "x",
        "https_proxy": "x",
    }
    assert isolated.environment(given) == {
        "PATH": "/bin",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

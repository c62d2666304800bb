"""The probe that speaks HTTP/2 trusts the session's certificates, and leads no request to this machine into a proxy."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.account import Account
from conformance.environment import Environment
from conformance.probe import CannotTry
from conformance.probes import api_gateway
from tests.e2e.another_emulator import serving


def test_the_certificates_of_the_session_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serving("http://127.0.0.1:1", tmp_path) as emulator:
        emulator.missing.add(f"GET {api_gateway.ABSENT}")
        aws: Any = SimpleNamespace(ca_bundle=str(emulator.ca_bundle), endpoint_url=emulator.url)
        settings: Any = None
        environment = Environment(Account(aws, "conformance-test", 1), settings, {"ApiUrl": emulator.url})
        with pytest.raises(CannotTry, match=r"answered with HTTP/1\.1"):
            api_gateway.refusals_name_the_origin_over_http2(environment)

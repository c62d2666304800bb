"""Customers of a user pool on the emulator: they sign in as in a browser, and get tokens that the pool has signed."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt

from contract.routes import READ_SCOPE, WRITE_SCOPE
from tests.waiting import HANGS

PASSWORD = "Correct-horse-7"
RETURN_TO = "https://shop.example.com/signed-in"
WEB_PAGE: dict[str, Any] = {
    "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthFlows": ["code"],
    "CallbackURLs": [RETURN_TO],
    "SupportedIdentityProviders": ["COGNITO"],
}


def claims_of(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def key_id_of(token: str) -> dict[str, str]:
    """Return the header that names the key of the token's signature."""
    return {"kid": jwt.get_unverified_header(token)["kid"]}


@dataclass(frozen=True)
class UserPool:
    """A user pool with the resource server of the contract's scopes, and a public client of a web page."""

    local_dir: Path
    endpoint: str
    cognito: Any
    pool_id: str
    arn: str
    client_id: str

    @classmethod
    def create(cls, deployment, name: str = "customers") -> "UserPool":
        cognito = deployment.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName=name)["UserPool"]
        server = READ_SCOPE.split("/")[0]
        cognito.create_resource_server(
            UserPoolId=pool["Id"],
            Identifier=server,
            Name=server,
            Scopes=[
                {"ScopeName": scope.split("/")[1], "ScopeDescription": scope} for scope in (READ_SCOPE, WRITE_SCOPE)
            ],
        )
        found = cls(deployment.local_dir, deployment.outputs["EndpointUrl"], cognito, pool["Id"], pool["Arn"], "")
        return found.client_for(READ_SCOPE, WRITE_SCOPE)

    def sign_up(self) -> str:
        """Return the name of a new user."""
        name = f"customer-{uuid.uuid4().hex[:12]}"
        self.cognito.admin_create_user(UserPoolId=self.pool_id, Username=name, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(UserPoolId=self.pool_id, Username=name, Password=PASSWORD, Permanent=True)
        return name

    def sign_in(self, name: str, scopes: Iterable[str] = (READ_SCOPE, WRITE_SCOPE)) -> dict[str, str]:
        """Return the tokens of an authorization code, as the hosted pages grant them: access_token, id_token."""
        wanted = {
            "client_id": self.client_id,
            "redirect_uri": RETURN_TO,
            "response_type": "code",
            "scope": " ".join(["openid", *scopes]),
        }
        with httpx.Client(base_url=self.endpoint, timeout=HANGS, trust_env=False, verify=False) as browser:
            signed_in = browser.post("/login", data={**wanted, "username": name, "password": PASSWORD})
            assert signed_in.status_code == 302, signed_in.text
            [code] = parse_qs(urlsplit(signed_in.headers["location"]).query)["code"]
            tokens = browser.post("/oauth2/token", data={**wanted, "grant_type": "authorization_code", "code": code})
        assert tokens.status_code == 200, tokens.text
        return tokens.json()

    def client_for(self, *scopes: str) -> "UserPool":
        """Return the pool as another client sees it, which may ask for these scopes."""
        client = self.cognito.create_user_pool_client(
            UserPoolId=self.pool_id, ClientName="another", AllowedOAuthScopes=["openid", *scopes], **WEB_PAGE
        )["UserPoolClient"]
        return replace(self, client_id=client["ClientId"])

    def signed(self, token: str, **changes: Any) -> str:
        """Return a token with other claims, which the pool's own key signs."""
        [key] = self.local_dir.rglob(f"cognito-pool-keys/{self.pool_id}-access.pem")
        return jwt.encode(claims_of(token) | changes, key.read_bytes(), algorithm="RS256", headers=key_id_of(token))

    def sign_in_by_password(self, name: str) -> dict[str, str]:
        """Return the tokens of Cognito's own API, which have no scopes of a resource server."""
        return self.cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]

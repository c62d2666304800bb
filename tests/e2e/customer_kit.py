"""Customers of a user pool on the emulator: they sign in as in a browser, and get tokens that the pool has signed."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from contract.routes import READ_SCOPE, WRITE_SCOPE
from tests.waiting import HANGS

PASSWORD = "Correct-horse-7"
RETURN_TO = "https://shop.example.com/signed-in"


@dataclass(frozen=True)
class UserPool:
    """A user pool with the resource server of the contract's scopes, and a public client of a web page."""

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
        client = cognito.create_user_pool_client(
            UserPoolId=pool["Id"],
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["code"],
            AllowedOAuthScopes=["openid", READ_SCOPE, WRITE_SCOPE],
            CallbackURLs=[RETURN_TO],
            SupportedIdentityProviders=["COGNITO"],
        )["UserPoolClient"]
        return cls(deployment.outputs["EndpointUrl"], cognito, pool["Id"], pool["Arn"], client["ClientId"])

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{self.pool_id.split('_')[0]}.amazonaws.com/{self.pool_id}"

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

    def sign_in_by_password(self, name: str) -> dict[str, str]:
        """Return the tokens of Cognito's own API, which have no scopes of a resource server."""
        return self.cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]

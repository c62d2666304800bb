"""Who may use the console: the browser that has opened the address with the token, and no other page in it. Pure.

A page of another origin can make a browser send requests to this machine, and by a DNS name that changes its address
(DNS rebinding) read the answers. So Host must be this machine's, the token must be known, and the browser must not say
that another origin asks: cookies are shared by all ports of a host, and SameSite ignores ports.
"""

import hmac
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qs

SAFE = ("GET", "HEAD")
OWN_SITE = ("same-origin", "none")


@dataclass(frozen=True)
class Access:
    """`token`: the secret of this run; `port`: of the server."""

    token: str
    port: int

    @property
    def hosts(self) -> tuple[str, ...]:
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def cookie(self) -> str:
        """Return the cookie's name. It has the port, because all servers of this machine share their cookies."""
        return f"console_{self.port}"

    def brings_token(self, query: str) -> bool:
        """Return whether the query has the token, as the printed address does."""
        return any(map(self._is_token, parse_qs(query).get("token", ())))

    def refusal(self, method: str, query: str, headers: Message) -> str:
        """Return why a request is refused, "" for one that may pass."""
        hosts = headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return "this server answers under 127.0.0.1 and localhost only"
        origin = headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self.hosts]:
            return "the request comes from another page"
        if method in SAFE and self.brings_token(query):
            return ""
        if not any(map(self._is_token, self._cookies(headers))):
            return "open the address that `python -m console` has printed: it has the token"
        if headers.get("Sec-Fetch-Site", "none") not in OWN_SITE:
            return "the request comes from another page"
        if method not in SAFE and origin is None:
            return "a request that changes something needs the header Origin"
        return ""

    def _cookies(self, headers: Message) -> list[str]:
        pairs = (pair.strip().partition("=") for pair in headers.get("Cookie", "").split(";"))
        return [value for name, _, value in pairs if name == self.cookie]

    def _is_token(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(errors="replace"), self.token.encode())

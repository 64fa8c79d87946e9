"""A visitor of a running server: it keeps cookies and sends forms, byte for byte as it is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.support.client import FORM, Answer, Client


@dataclass
class Surfer:
    """A visitor.

    Attributes:
        cookies: that it has, by name.
    """

    client: Client
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
        """Send a request."""
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.ask(method, path, body, **{"accept": "text/html", **headers})
        for cookie in answer.headers.get_all("set-cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """Look at a page."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form, with the token of this visitor unless there is another one in it."""
        given = fields if "csrf" in fields else {"csrf": self.token(), **fields}
        return self.ask(
            "POST", path, urlencode(given).encode(), **{"content_type": FORM, **headers}
        )

    def token(self) -> str:
        """The token of a form that it was given."""
        page = self.get("/").body.decode()
        if 'name="csrf"' not in page:  # nobody has signed in
            page = self.get("/-/sign-in").body.decode()
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert found is not None, page
        return found[1]

    def sign_in(self, name: str, password: str = "", back: str = "") -> Answer:
        """Sign in; the password is the name, and "-password", unless another one is given."""
        password = password or f"{name}-password"
        return self.post("/-/sign-in", {"name": name, "password": password, "next": back})

    @property
    def user(self) -> str:
        """Who it is to the server; empty if nobody."""
        page = self.get("/").body.decode()
        found = re.search(r"Signed in as </span>(\w+)<", page)
        return found[1] if found else ""

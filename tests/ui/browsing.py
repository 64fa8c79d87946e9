"""A browser without a window: it asks an application for pages, keeps cookies, fills in forms."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlencode, urlsplit

from lading.core.permissions import CurrentPermissions
from lading.edge.asgi import Message, Receive, Scope, Send
from lading.ui.application import pages
from lading.ui.context import UiParts
from lading.ui.sessions import PageDoorkeeper

HOST = "registry.test"


class _Text(HTMLParser):
    """The text of a page, its links, and its forms with their hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "form":
            self.forms.append((given.get("action") or "", {}))
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1][1][str(given["name"])] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "wbr" and self.words:
            data = self.words.pop() + data  # where a word may break, it does not end
        self.words.append(data)


@dataclass(frozen=True)
class Shown:
    """What a browser was sent."""

    status: int
    headers: Mapping[str, str]
    html: str

    @property
    def parsed(self) -> _Text:
        parser = _Text()
        parser.feed(self.html)
        return parser

    @property
    def text(self) -> str:
        """What can be read, with single spaces."""
        return re.sub(r"\s+", " ", " ".join(self.parsed.words)).strip()

    @property
    def links(self) -> list[str]:
        return self.parsed.links

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form that is sent to a path."""
        [fields] = [fields for to, fields in self.parsed.forms if to.partition("?")[0] == action]
        return fields


@dataclass
class Browser:
    """A browser.

    Attributes:
        permissions: the rules in force; `None` if everybody may do everything.
        cookies: that it has, by name.
    """

    parts: UiParts
    permissions: CurrentPermissions | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = self.permissions
        doorkeeper = None if rules is None else PageDoorkeeper(self.parts, rules)
        self._application: Callable[[Scope, Receive, Send], Awaitable[None]]
        self._application = pages(self.parts, doorkeeper)

    async def get(self, path: str, **headers: str) -> Shown:
        """Look at a page."""
        return await self.ask("GET", path, b"", **headers)

    async def post(self, path: str, fields: Mapping[str, object], **headers: str) -> Shown:
        """Send a form."""
        kind = "application/x-www-form-urlencoded"
        body = urlencode(fields, doseq=True).encode()
        return await self.ask("POST", path, body, **{"content-type": kind, **headers})

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Shown:
        """Send a request; underscores in names of headers stand for dashes."""
        url = urlsplit(path)
        given = {"host": HOST, "accept": "text/html", **headers}
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            given.setdefault("cookie", "; ".join(pairs))
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(url.path),
            "query_string": url.query.encode(),
            "scheme": "http",
            "http_version": "1.1",
            "client": ("192.0.2.1", 1),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in given.items()
            ],
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._application(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self._keep(answered.get("set-cookie", ""))
        whole = b"".join(message.get("body", b"") for message in sent[1:])
        return Shown(sent[0]["status"], answered, whole.decode())

    def _keep(self, cookie: str) -> None:
        pair, _, rest = cookie.partition(";")
        name, _, value = pair.partition("=")
        if name and "Max-Age=0" in rest:
            self.cookies.pop(name, None)
        elif name:
            self.cookies[name] = value

    async def sign_in(self, name: str, password: str = "") -> Shown:
        """Fill in the form to sign in; the password is the name, and "-password"."""
        form = (await self.get("/-/sign-in")).form("/-/sign-in")
        password = password or f"{name}-password"
        return await self.post("/-/sign-in", {**form, "name": name, "password": password})

"""Forms: their bodies, and that no other site has sent them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from lading.core.errors import Denied, RegistryError
from lading.edge.body import whole_body
from lading.edge.endpoints import Handler
from lading.edge.public_address import base_url
from lading.edge.response import Response
from lading.ui.context import Visit
from lading.ui.cookies import FormSecret

# A form with some hundred tags.
MOST_BYTES = 256 * 1024
MOST_FIELDS = 2000
TOKEN = "csrf"  # noqa: S105 - the name of a field


class FormInvalid(RegistryError, summary="the form cannot be read; go back and send it again"):
    """The body of a request that is no form, or is too large for one."""


class FormForged(
    Denied,
    summary="this form was not made for your browser, or is too old; go back, reload, try again",
):
    """A form that another site may have sent."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each with all its values."""

    fields: Mapping[str, Sequence[str]]

    def get(self, name: str) -> str:
        """The first value of a field; empty if there is none."""
        values = self.fields.get(name)
        return values[0] if values else ""

    def all(self, name: str) -> Sequence[str]:
        """All values of a field."""
        return self.fields.get(name, ())


Post = Callable[[Visit, Form], Awaitable[Response]]
"""The handler of a form."""


def posted(handler: Post) -> Handler[Visit]:
    """A handler that reads the form first, and refuses what this browser was not given."""

    async def handle(visit: Visit) -> Response:
        require_same_origin(visit)
        form = await read_form(visit)
        secret = FormSecret(visit.request, secure=visit.parts.is_secure(visit.request))
        if not secret.accepts(form.get(TOKEN)):
            raise FormForged
        return await handler(visit, form)

    return handle


def require_same_origin(visit: Visit) -> None:
    """Go on only if the browser does not say that another site has sent the request.

    Browsers say `Sec-Fetch-Site` where an address can be trusted (HTTPS, this machine), and
    `Origin` with each form; those of before that say `Referer`, as all do that keep neither to
    themselves. A proxy may have taken the port off `Host`, so that counts last.

    Raises:
        FormForged: another site has.
    """
    headers = visit.request.headers
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise FormForged
        return
    said = headers.get("origin", headers.get("referer") or None)
    if said is not None and not _is_own(visit, said):
        raise FormForged


def _is_own(visit: Visit, url: str) -> bool:
    """Whether a URL is of an address by which the registry may be reached."""
    options, request = visit.parts.options, visit.request
    urls = (options.address.url_of(request, "/"), base_url(request, options.trusted_proxies))
    # Whoever sits in between can write a page of this host without HTTPS.
    if visit.parts.is_secure(request) and not url.startswith("https:"):
        return False
    return _host_of(url) in {_host_of(own) for own in urls} - {""}


def _host_of(url: str) -> str:
    """The host of a URL, with its port; empty if it has none, or is none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


async def read_form(visit: Visit) -> Form:
    """The form that a request brings.

    Raises:
        FormInvalid: it is none, or larger than any of ours.
        ClientDisconnected: its client went away before it was complete.
    """
    request = visit.request
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormInvalid
    budgets = visit.parts.options.bodies
    async with whole_body(request, MOST_BYTES, budgets) as body:
        if body is None:
            raise FormInvalid(f"the form has more than {MOST_BYTES} bytes; choose fewer things")
        try:
            return Form(
                parse_qs(
                    body.decode().replace("%00", "%01"),  # as in addresses
                    keep_blank_values=True,
                    max_num_fields=MOST_FIELDS,
                    errors="strict",
                )
            )
        except ValueError as error:
            raise FormInvalid from error

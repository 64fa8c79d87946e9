"""Section `auth` of the configuration: who may log in, how, and what they may then do."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lading.config.section import MisplacedError, Nothing, Section
from lading.config.values import (
    AnyCase,
    ClaimedRepositories,
    ClaimPatterns,
    FilePath,
    IssuerUrl,
    JwksSource,
    OptionalPath,
    Phrase,
    PositiveDuration,
    RepositoryPattern,
    RequestPath,
    TokenRealm,
    checked,
)
from lading.core.access import Action

Algorithm = Literal[
    "EdDSA", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
    "PS256", "PS384", "PS512",
]  # fmt: skip


class HtpasswdSection(Section):
    """Section `auth.htpasswd`: users of a file."""

    path: FilePath
    """The file of users: names and bcrypt hashes, as `htpasswd -B` or `lading user add` write \
it. It is read again when it changes."""
    realm: Phrase = "lading"
    """What a client may show to a person who is to log in."""


class TokenSection(Section):
    """Section `auth.token`: tokens of another token server."""

    realm: TokenRealm
    """The URL at which clients get a token."""
    service: Phrase
    """The name of this registry there: tokens must have it as their audience."""
    issuer: Phrase
    """The name of the token server: tokens must have it as their issuer."""
    rootcertbundle: OptionalPath = None
    """A PEM file of certificates: tokens may be signed with their keys, or with a key whose chain \
of certificates (`x5c`) ends at one of them."""
    jwks: JwksSource | None = None
    """Keys that tokens may be signed with, as a JSON Web Key Set: a file or an `https://` URL, \
which is asked again now and then (Distribution reads files only)."""
    signingalgorithms: tuple[Algorithm, ...] = ()
    """The algorithms to accept; by default all asymmetric ones."""
    autoredirect: bool = False
    """`true` sends clients to `autoredirectpath` on the host by which they reach the registry, \
instead of to `realm`."""
    autoredirectpath: RequestPath = "/auth/token"
    """The path for `autoredirect`."""

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.rootcertbundle is None and self.jwks is None:
            advice = "write it, or `jwks`: without keys no token can be verified"
            raise MisplacedError("rootcertbundle", advice)
        return self


class TokensSection(Section):
    """Section `auth.tokens`: the registry's own token service."""

    service: Phrase = "lading"
    """The name of this registry in tokens; two registries that trust each other's keys must not \
share it."""
    lifetime: PositiveDuration = timedelta(minutes=30)
    """How long a token is good for. Whoever loses a permission loses it within \
seconds all the same."""
    refreshlifetime: PositiveDuration = timedelta(days=90)
    """How long after `docker login` a new token can be had without the password; it ends earlier \
when the password changes or the user is removed."""
    keylifetime: PositiveDuration = timedelta(days=30)
    """How long new tokens are signed with the same key."""

    @model_validator(mode="after")
    def _lifetimes_fit(self) -> Self:
        if not timedelta(minutes=1) <= self.lifetime <= timedelta(days=1):
            raise MisplacedError("lifetime", "write a duration from `1m` to `24h`")
        return self


class PermissionRuleSection(Section):
    """Section `auth.permissions.rules[]`: what some callers may do in some repositories."""

    anonymous: bool = False
    """`true`: for everybody, logged in or not."""
    users: tuple[Phrase, ...] = ()
    """For users of these names; `'*'` is everybody who is logged in."""
    groups: tuple[Phrase, ...] = ()
    """For the members of these groups."""
    repositories: tuple[RepositoryPattern, ...]
    """Where: patterns such as `team/**`."""
    actions: tuple[Annotated[Action, AnyCase], ...]
    """What: `pull`, `push` (with which comes `pull`), `delete`, or `admin`, which is everything."""

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        if not (self.anonymous or self.users or self.groups):
            raise MisplacedError("users", "write whom the rule is for, or `groups`, or `anonymous`")
        return self


class PermissionsSection(Section):
    """Section `auth.permissions`: what each caller may do; what it does not allow is denied."""

    preset: Annotated[Literal["none", "users", "public", "teams", "open"], AnyCase] = "none"
    """A start for the rules. `none`: nothing is allowed. `users`: whoever is logged in may pull, \
push and delete everything; this holds if there is no `permissions`, as in Distribution. `public`: \
as `users`, and everybody may pull everything. `teams`: each user may pull, push and delete below \
its own name, the members of a group below the name of the group. `open`: everybody may pull, push \
and delete everything."""
    groups: dict[str, tuple[Phrase, ...]] = Field(default_factory=dict)
    """The users in each group."""
    rules: tuple[PermissionRuleSection, ...] = ()
    """What is allowed besides."""

    @model_validator(mode="after")
    def _groups_exist(self) -> Self:
        for index, rule in enumerate(self.rules):
            for group in rule.groups:
                if group not in self.groups:
                    advice = "write a group that `auth.permissions.groups` has"
                    raise MisplacedError(f"rules.{index}.groups", advice)
        return self


class WorkloadRuleSection(Section):
    """Section `auth.workloads[].rules[]`: what tokens with certain claims may do."""

    claims: dict[str, ClaimPatterns] = Field(min_length=1)
    """What each claim must be: a text with `*` for any characters but `/`, and `**` for any parts \
between slashes; or a list of such texts."""
    repositories: tuple[ClaimedRepositories, ...]
    """Where: patterns such as `team/**`. `{project_path}` stands for what that claim says, if it \
is a repository's name."""
    actions: tuple[Annotated[Action, AnyCase], ...]
    """What: `pull`, `push` (with which comes `pull`), `delete`, or `admin`, which is everything."""


class WorkloadSection(Section):
    """Section `auth.workloads[]`: a build system or a cluster whose tokens are believed."""

    name: Annotated[
        Phrase,
        checked(
            lambda name: ":" not in name,
            "write a name without `:`, which ends it in `name:subject`",
        ),
    ]
    """What its workloads are called in logs and histories: `name:subject`."""
    issuer: IssuerUrl
    """The `iss` of its tokens: an `https://` URL."""
    audience: Phrase
    """The `aud` that its tokens must have: the name of this registry there."""
    jwks: JwksSource | None = None
    """Where its keys are, a file or an `https://` URL; by default where the issuer says \
(`/.well-known/openid-configuration`)."""
    rules: Annotated[tuple[WorkloadRuleSection, ...], checked(bool, "write at least one")]
    """Who may do what; a token that no rule is for cannot log in."""


class AuthSection(Section):
    """Section `auth`: who may do what. At most one of `none`, `htpasswd` and `token`."""

    none: Nothing | None = None
    """Everybody may do everything: the same as leaving `auth` out."""
    htpasswd: HtpasswdSection | None = None
    """Users of a file may log in."""
    token: TokenSection | None = None
    """Another token server decides who may do what."""
    tokens: TokensSection | None = None
    """The registry's own token service: clients log in by a token that they get at `/token`, not \
by sending the password with every request (which works all the same). It is there if this section \
is, and also if anything is allowed without a login, for that is how Docker pulls without one. Not \
a key of Distribution."""
    workloads: tuple[WorkloadSection, ...] = ()
    """Issuers of OpenID Connect whose tokens log in, as a password of any name or exchanged at \
`/token` (RFC 8693): builds and clusters need no secret of their own then. Not a key of \
Distribution."""
    permissions: PermissionsSection | None = None
    """What each caller may do. Not a key of Distribution."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ways = [name for name in ("none", "htpasswd", "token") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise MisplacedError(ways[1], f"remove it, or `{ways[0]}`: only one can be in force")
        for key in ("name", "issuer"):
            given = [getattr(workload, key) for workload in self.workloads]
            for index, value in enumerate(given):
                if value in given[:index]:
                    advice = "write another one: two workloads cannot have the same"
                    raise MisplacedError(f"workloads.{index}.{key}", advice)
        if self.htpasswd is None:
            for name in ("permissions", "tokens", "workloads"):
                if getattr(self, name):
                    advice = "remove it, or write `auth.htpasswd`: it is about users of that file"
                    raise MisplacedError(name, advice)
        return self

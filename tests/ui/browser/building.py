"""Images that Docker builds from a Dockerfile and pushes, as most people's come to a registry."""

from tests.support.docker import Docker
from tests.support.images import build_shell
from tests.support.pairs import GATEWAY
from tests.support.tars import archive

BUILT = "team/site"
BASE = "lading-e2e/shell"
INSTRUCTIONS = (
    "ARG VERSION",
    "ENV PORT=8080",
    "WORKDIR /srv",
    "COPY file:… in /srv/",
    "RUN mkdir -p /var/lib/site && echo $VERSION > /var/lib/site/version",
    "LABEL org.opencontainers.image.title=site",
    "EXPOSE 8080",
    "USER 65534",
    'ENTRYPOINT ["/bin/sh"]',
    'CMD ["-c" "echo serving"]',
)
"""The lines of the Dockerfile as Docker notes them: a file by the digest of its bytes."""
DOCKERFILE = f"""
FROM {BASE}
ARG VERSION
ENV PORT=8080
WORKDIR /srv
COPY page.html /srv/
RUN mkdir -p /var/lib/site && echo $VERSION > /var/lib/site/version
LABEL org.opencontainers.image.title=site
EXPOSE 8080
USER 65534
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "echo serving"]
"""


def build_and_push(docker: Docker, host: str, user: str = "") -> None:
    """Build two versions of an image and push both, the newer one as the latest, too.

    Args:
        host: a registry on this machine, which the daemon reaches from its own network.
        user: who logs in, with the name and "-password"; nobody needs to if it is empty.
    """
    reached = f"{GATEWAY}:{host.rpartition(':')[2]}"
    build_shell(docker, BASE)
    if user:
        login = ["login", f"--username={user}", "--password-stdin", reached]
        docker.run(*login, stdin=f"{user}-password".encode())
    name = f"{reached}/{BUILT}"
    for version in ("2.0", "2.1"):
        page = f"<h1>Site {version}</h1>\n".encode()
        context = archive({"Dockerfile": DOCKERFILE.encode(), "page.html": page})
        argument = f"--build-arg=VERSION={version}"
        docker.run("build", argument, f"--tag={name}:{version}", "-", stdin=context)
    docker.run("tag", f"{name}:2.1", f"{name}:latest")
    docker.run("push", "--all-tags", name)

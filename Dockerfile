# The registry as an image: `docker build -t lading .`, then `docker run -p 5000:5000 lading`.
# It takes the arguments, paths and volume of Docker's own registry image, so it can replace it in place.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /opt/lading
COPY requirements/run.txt requirements/
RUN /opt/lading/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
# What only the build needed is left behind, pip included: nothing is ever installed in a running registry.
RUN /opt/lading/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/lading/bin/pip uninstall --quiet --yes hatchling packaging pathspec pluggy tomlkit trove-classifiers setuptools pip

FROM ${BASE}
# Fixed ids, so that a bind-mounted or adopted volume can be given to them by number.
RUN groupadd --gid 1000 lading \
 && useradd --uid 1000 --gid lading --no-create-home --home-dir /var/lib/registry --shell /usr/sbin/nologin lading \
 && install --directory --owner lading --group lading /var/lib/registry \
 && install --directory --owner lading --group lading --mode 0700 /var/lib/registry/lading
COPY --from=build /opt/lading /opt/lading
COPY deploy/config.yml /etc/registry/config.yml
COPY deploy/entrypoint.sh deploy/healthcheck.py /
# `registry` and the two other paths are where scripts written for Docker's own image look.
RUN ln -s /opt/lading/bin/lading /bin/lading \
 && ln -s /opt/lading/bin/lading /bin/registry \
 && mkdir -p /etc/docker/registry /etc/distribution \
 && ln -s /etc/registry/config.yml /etc/docker/registry/config.yml \
 && ln -s /etc/registry/config.yml /etc/distribution/config.yml

# So that commands run in the container find it by themselves.
ENV REGISTRY_CONFIGURATION_PATH=/etc/registry/config.yml

USER lading
VOLUME /var/lib/registry
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/opt/lading/bin/python", "/healthcheck.py"]
ENTRYPOINT ["/entrypoint.sh"]
CMD ["/etc/registry/config.yml"]

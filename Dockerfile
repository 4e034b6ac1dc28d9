# docker build -t cloudgather .   (BASE: a Debian with python3, 3.11 or newer, its venv and its headers)
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# systemd-python has no wheel.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libsystemd-dev pkg-config
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY daemon daemon
COPY ctl ctl
RUN python3 -m venv /opt/cloudgather \
    && /opt/cloudgather/bin/pip install --no-cache-dir -c constraints.txt --upgrade pip \
    && /opt/cloudgather/bin/pip install --no-cache-dir -c constraints.txt --build-constraint constraints.txt ".[net]" \
    && /opt/cloudgather/bin/pip uninstall -y setuptools pip

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends libsystemd0 tini tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -m 1777 /run/cloudgather
COPY --from=build /opt/cloudgather /opt/cloudgather
COPY container /opt/cloudgather/container
ENV PATH=/opt/cloudgather/bin:$PATH \
    LANG=C.UTF-8

HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 CMD ["cgctl", "status"]
# tini is process 1: it passes signals on, and reaps what nobody else does.
ENTRYPOINT ["tini", "--", "/opt/cloudgather/container/entrypoint"]
CMD ["cloudgatherd", "--config", "/config/cloudgather.toml"]

# syntax=docker/dockerfile:1
# The whole of sceneline with its local models inside: it runs with no network.
#
#   docker build -t sceneline .
#   docker run --rm -p 127.0.0.1:8000:8000 -v sceneline:/data sceneline keys add me   # prints a key, once
#   docker run --rm -p 127.0.0.1:8000:8000 -v sceneline:/data sceneline

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
COPY deploy/requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/sceneline \
 && /opt/sceneline/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY sampler sampler
COPY analyzer analyzer
COPY api api
RUN /opt/sceneline/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /home/sceneline sceneline \
 && install --directory --owner=sceneline --group=sceneline /data
COPY --from=build /opt/sceneline /opt/sceneline
ENV PATH=/opt/sceneline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SCENELINE_DATA=/data \
    SCENELINE_LOG_FORMAT=json
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /home/sceneline
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["sceneline"]
CMD ["serve", "--host", "0.0.0.0"]

# The service as an image: for the CPU on a slim Python, for GPUs on the official vLLM image.
#
#   docker build -t nbest:cpu --build-arg EMBEDDED=1 .
#   docker build -t nbest:gpu --build-arg VARIANT=gpu --build-arg BASE_IMAGE=docker.io/vllm/vllm-openai:v0.32.0 .
#
# A package index of your own: --secret id=pip,src=pip.conf, and its certificates: --secret id=ca,src=ca.pem.
# Neither is kept in the image.
ARG BASE_IMAGE=docker.io/library/python:3.12-slim

FROM ${BASE_IMAGE} AS build
ARG VARIANT=cpu
# 1 bakes the embedded models in (0.8 GB), so that the image needs no network at all.
ARG EMBEDDED=0
WORKDIR /opt/nbest
COPY pyproject.toml README.md ./
COPY requirements requirements
COPY scripts/__init__.py scripts/setup.py scripts/
COPY scripts/image scripts/image
# Enough of the code for an installation in place: a change in the rest leaves the packages alone.
COPY strategies/__init__.py strategies/
COPY service/__init__.py service/
COPY clients/python clients/python
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca \
    python3 -m scripts.image.install install "${VARIANT}"
COPY strategies strategies
COPY service service
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca \
    .venv/bin/python -m compileall -q service strategies clients \
    && if [ "${EMBEDDED}" = 1 ]; then .venv/bin/python -m scripts.image.install bake; fi \
    && rm -rf scripts

FROM ${BASE_IMAGE} AS nbest
LABEL org.opencontainers.image.title="nbest" \
      org.opencontainers.image.description="Inference-time selection and decoding as a service"
# vLLM's CPU build needs libnuma. Its version follows the base image, whose release is an argument.
# hadolint ignore=DL3008
RUN if ! ls /usr/lib/*/libnuma.so.1 > /dev/null 2>&1; then \
        apt-get update && apt-get install -y --no-install-recommends libnuma1 \
        && rm -rf /var/lib/apt/lists/*; \
    fi \
    && echo 'nbest:x:10001:10001::/var/cache/nbest:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'nbest:x:10001:' >> /etc/group \
    && install -d -m 0700 -o 10001 -g 10001 /var/cache/nbest
COPY --from=build /opt/nbest /opt/nbest
# A container listens on its own network: who reaches it is decided where its port is published. Without keys the
# service says at its start that it is open.
ENV PATH=/opt/nbest/.venv/bin:$PATH \
    HOME=/var/cache/nbest \
    USER=nbest \
    NBEST_EMBEDDED_DIR=/opt/nbest/models \
    NBEST_SERVER__HOST=0.0.0.0 \
    NBEST_SERVER__ALLOW_UNAUTHENTICATED=true \
    HF_HUB_OFFLINE=1 \
    TRANSFORMERS_OFFLINE=1 \
    VLLM_NO_USAGE_STATS=1 \
    DO_NOT_TRACK=1 \
    MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Everything that is written lies here; the root may be read-only.
VOLUME ["/var/cache/nbest", "/tmp"]
WORKDIR /opt/nbest
EXPOSE 8000
USER 10001:10001
STOPSIGNAL SIGTERM
# `/health` never touches an engine; the server listens once the models are loaded.
HEALTHCHECK --interval=15s --timeout=5s --start-period=300s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('NBEST_SERVER__PORT', '8000') + '/health', timeout=4)"]
ENTRYPOINT ["nbest"]
CMD ["serve"]

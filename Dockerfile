# One image for all roles: `serve` (pages and API), `worker`, `migrate`. PostgreSQL and the object store are others'.
#   docker build -t countersign .

FROM python:3.11-slim-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# torch's build for CPUs; the one of the package index brings gigabytes for graphics cards
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/countersign
ENV PATH=/opt/countersign/bin:$PATH
WORKDIR /src
COPY pyproject.toml requirements.lock ./
RUN sed -n 's/^\([^ #]*==[^ ]*\).*/\1/p' requirements.lock > /tmp/constraints.txt \
    && pip install -c /tmp/constraints.txt --extra-index-url "$TORCH_INDEX" \
        "$(sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)" \
    && pip install --require-hashes --no-deps -r requirements.lock
COPY . .
RUN pip install --no-deps --no-build-isolation . && python -m compileall -q /opt/countersign/lib

FROM python:3.11-slim-bookworm
# Debian's security updates decide the versions
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 poppler-utils tesseract-ocr tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/countersign --create-home countersign
COPY --from=build /opt/countersign /opt/countersign
COPY --chmod=0555 deploy/healthy.sh /usr/local/bin/healthy
ENV PATH=/opt/countersign/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    COUNTERSIGN_HOST=0.0.0.0 \
    COUNTERSIGN_DATA_DIR=/var/lib/countersign \
    COUNTERSIGN_LOG_FORMAT=json \
    COUNTERSIGN_ALIVE_FILE=/tmp/countersign-alive
USER 10001:10001
WORKDIR /var/lib/countersign
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["healthy"]
ENTRYPOINT ["tini", "--", "countersign"]
CMD ["serve", "--no-migrate"]

# Ragstone: server, worker and command line in one image.
#   docker build -t ragstone:cpu .                 docker build -t ragstone:gpu --target gpu .
#   docker run -p 127.0.0.1:8080:8080 -v ragstone:/data ragstone:cpu
# Both targets install through the script that `make run` uses. EXTRAS adds extras of pyproject.toml.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS base
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RAGSTONE_HOST=0.0.0.0 \
    RAGSTONE_PORT=8080 \
    RAGSTONE_DATA_DIR=/data
WORKDIR /app

# The installation reads these alone, so that a change to code installs nothing again.
FROM base AS sources
COPY pyproject.toml LICENSE README.md ./
COPY scripts/bootstrap.py scripts/
COPY requirements/ requirements/
COPY core/__init__.py core/
COPY indexes/__init__.py indexes/
COPY ingest/__init__.py ingest/
COPY app/__init__.py app/
COPY evals/__init__.py evals/

FROM sources AS install-cpu
ARG EXTRAS=postgres,fast
RUN --mount=type=cache,target=/root/.cache/pip \
    python scripts/bootstrap.py install run --accel cpu --extras "${EXTRAS}"

FROM sources AS install-gpu
ARG EXTRAS=postgres,fast
RUN --mount=type=cache,target=/root/.cache/pip \
    python scripts/bootstrap.py install run --accel gpu --extras "${EXTRAS}"

# What both images run on: a user without rights, who can write /data and nothing else.
FROM base AS runtime
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data ragstone \
    && install -d -o ragstone -g ragstone /data
COPY LICENSE README.md ./
COPY examples/ examples/
COPY core/ core/
COPY indexes/ indexes/
COPY ingest/ ingest/
COPY app/ app/
EXPOSE 8080
VOLUME /data
# A worker listens on no port: run it with --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-c", "\
import http.client, os; \
connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['RAGSTONE_PORT']), timeout=4); \
connection.request('GET', '/healthz'); \
raise SystemExit(connection.getresponse().status != 200)"]
ENTRYPOINT ["ragstone"]
CMD ["up"]

FROM runtime AS gpu
# NVIDIA's container runtime reads these.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=install-gpu /app/.venv/ .venv/
# Writes the bytecode, which the user cannot, and fails here if a library is missing.
RUN python -c "import app.main, app.cli, ingest.worker"
USER 10001:10001

FROM runtime AS cpu
COPY --from=install-cpu /app/.venv/ .venv/
RUN python -c "import app.main, app.cli, ingest.worker"
USER 10001:10001

# One image for every process: `serve`, `worker`, `migrate`. Runs as uid 10001 and writes nowhere but /tmp and its data.

FROM node:22-slim AS ide
WORKDIR /src/ide
COPY ide/package.json ide/package-lock.json ide/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY ide/ ./
RUN mkdir -p ../app/api/static && npm run build

FROM python:3.13-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/norepeat/.venv/bin:$PATH
WORKDIR /opt/norepeat
COPY requirements.lock ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
COPY --from=ide /src/app/api/static/graphiql/ app/api/static/graphiql/
# Compiled now, because the tree is read-only later and every start would compile it anew.
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && .venv/bin/python -m compileall -q app .venv/lib \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin norepeat \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/norepeat
USER 10001
ENV NOREPEAT_HOST=0.0.0.0 NOREPEAT_DATA_DIR=/var/lib/norepeat
VOLUME /var/lib/norepeat
EXPOSE 8000 9464
# Of `serve`; a worker is watched by its own /metrics, see deploy/.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', '8000')}/health/live\", timeout=2)"]
ENTRYPOINT ["norepeat"]
CMD ["serve"]

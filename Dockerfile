# One image, two commands: `serve` and `worker` (and `migrate` before them). Runs as uid 10001 on a read-only tree.

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
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin norepeat
USER 10001
ENV NOREPEAT_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', '8000')}/health/live\", timeout=2)"]
ENTRYPOINT ["norepeat"]
CMD ["serve"]

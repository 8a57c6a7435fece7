FROM python:3.11.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 \
    MODEL_DIR=/data PORT=9090

WORKDIR /app
COPY pyproject.toml requirements.txt README.md LICENSE ./
# The CPU build of torch, which is much smaller than the default build; for a GPU image, give the default index instead.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The server and the worker, in the exact versions of requirements.txt; EXTRAS=[simulator] adds the simulator's packages.
ARG EXTRAS=
RUN pip install --extra-index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)" \
 && pip install --constraint requirements.txt ".$EXTRAS"
COPY ml_backend ml_backend
COPY simulator simulator
RUN pip install --no-deps . \
 && useradd --create-home --uid 10001 app \
 && install -d -o app -g app /data

USER app
VOLUME /data
EXPOSE 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import urllib.request as u, os; u.urlopen('http://127.0.0.1:%s/health' % os.environ['PORT'], timeout=2)"]
CMD ["python", "-m", "ml_backend", "serve"]

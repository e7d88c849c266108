# A server of one run; see docs/serving.md.
FROM python:3.12-slim

WORKDIR /app
COPY setup.cfg pyproject.toml constraints.txt README.md LICENSE run.py ./
COPY framework framework
# app,hub for a run on a network of KerasHub.
ARG EXTRAS=app
RUN pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"

ARG RUN
COPY ${RUN}/model.keras ${RUN}/config.json ${RUN}/environment.json ${RUN}/metrics.json run/

RUN useradd --create-home server
USER server
EXPOSE 8000
CMD ["python", "run.py", "serve", "--run", "run", "--host", "0.0.0.0"]

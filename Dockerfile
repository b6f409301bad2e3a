# syntax=docker/dockerfile:1
# One image a service, as `docker build --target andon-SERVICE .`; each carries what its extra in pyproject.toml brings, no more.
# docs/images.md says how they are meant to be run.
ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY constraints.txt ./
COPY pyproject.toml README.md LICENSE ./
COPY andon andon
COPY services services
COPY sandbox sandbox
RUN python -m venv /opt/andon \
    && pip wheel --no-deps --wheel-dir dist . \
    && /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[bus]"

FROM python:${PYTHON} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.description="From the machine's sensors to a decision somebody on the shop floor can act on."
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/andon --shell /usr/sbin/nologin andon \
    && install --directory --owner andon --group andon --mode 0750 /var/lib/andon /etc/andon
# What a service keeps is named relative to its working directory, which a volume is to be mounted at.
WORKDIR /var/lib/andon
ENV PATH=/opt/andon/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ANDON_PLANT=/etc/andon/plant.yaml
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "andon.healthy"]

FROM build AS build-ingest
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[ingest]"

FROM runtime AS andon-ingest
LABEL org.opencontainers.image.title="andon-ingest"
COPY --from=build-ingest /opt/andon /opt/andon
CMD ["python", "-m", "services.ingest"]

FROM build AS build-mes
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[mes]"

FROM runtime AS andon-mes
LABEL org.opencontainers.image.title="andon-mes"
COPY --from=build-mes /opt/andon /opt/andon
CMD ["python", "-m", "services.mes"]

FROM build AS build-context
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[context]"

FROM runtime AS andon-context
LABEL org.opencontainers.image.title="andon-context"
COPY --from=build-context /opt/andon /opt/andon
CMD ["python", "-m", "services.context"]

FROM build AS build-feature
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[feature]"

FROM runtime AS andon-feature
LABEL org.opencontainers.image.title="andon-feature"
COPY --from=build-feature /opt/andon /opt/andon
CMD ["python", "-m", "services.feature"]

FROM build AS build-parity
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[parity]"

FROM runtime AS andon-parity
LABEL org.opencontainers.image.title="andon-parity"
COPY --from=build-parity /opt/andon /opt/andon
CMD ["python", "-m", "services.parity"]

FROM build AS build-inference
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[inference]"

FROM runtime AS andon-inference
LABEL org.opencontainers.image.title="andon-inference"
COPY --from=build-inference /opt/andon /opt/andon
CMD ["python", "-m", "services.inference"]

FROM build AS build-alert
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[alert]"

FROM runtime AS andon-alert
LABEL org.opencontainers.image.title="andon-alert"
COPY --from=build-alert /opt/andon /opt/andon
CMD ["python", "-m", "services.alert"]

FROM build AS build-notify
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[notify]"

FROM runtime AS andon-notify
LABEL org.opencontainers.image.title="andon-notify"
COPY --from=build-notify /opt/andon /opt/andon
CMD ["python", "-m", "services.notify"]

FROM build AS build-historian
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[historian]"

FROM runtime AS andon-historian
LABEL org.opencontainers.image.title="andon-historian"
COPY --from=build-historian /opt/andon /opt/andon
CMD ["python", "-m", "services.historian"]

FROM build AS build-oee
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[oee]"

FROM runtime AS andon-oee
LABEL org.opencontainers.image.title="andon-oee"
COPY --from=build-oee /opt/andon /opt/andon
CMD ["python", "-m", "services.oee"]

FROM build AS build-drift
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[drift]"

FROM runtime AS andon-drift
LABEL org.opencontainers.image.title="andon-drift"
COPY --from=build-drift /opt/andon /opt/andon
CMD ["python", "-m", "services.drift"]

FROM build AS build-registry
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[registry]"

FROM runtime AS andon-registry
LABEL org.opencontainers.image.title="andon-registry"
COPY --from=build-registry /opt/andon /opt/andon
CMD ["python", "-m", "services.registry"]

FROM build AS build-trainer
RUN /opt/andon/bin/pip install --constraint constraints.txt "$(echo dist/andon-*.whl)[trainer]"

FROM runtime AS andon-trainer
LABEL org.opencontainers.image.title="andon-trainer"
COPY --from=build-trainer /opt/andon /opt/andon
CMD ["python", "-m", "services.trainer"]

# Two stages: the sources and the build backend stay behind, the image carries the virtual environment and the rules.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /venv
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The dependencies are a layer of their own: a change of the source does not fetch them anew.
COPY requirements/runtime.txt requirements/build.txt requirements/
# What has no wheel is built by the locked backend.
RUN /venv/bin/pip install --require-hashes -r requirements/build.txt \
    && /venv/bin/pip install --require-hashes --no-build-isolation -r requirements/runtime.txt
COPY pyproject.toml ./
COPY service service
COPY detectors detectors
RUN /venv/bin/pip install --no-deps --no-build-isolation . \
    && /venv/bin/pip uninstall --yes setuptools

FROM python:3.11-slim
LABEL org.opencontainers.image.title="momentwatch" \
      org.opencontainers.image.description="Early warning for the moments that matter in a customer's journey"
RUN groupadd --gid 10001 momentwatch \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/momentwatch --create-home --shell /usr/sbin/nologin momentwatch
COPY --from=build /venv /venv
COPY rules /etc/momentwatch/rules
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/momentwatch
VOLUME /var/lib/momentwatch
EXPOSE 8080
# The image has no curl; the interpreter that runs the service asks it.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-c", "\
import sys, urllib.request; \
sys.exit(urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4).status != 200)"]
ENTRYPOINT ["momentwatch"]
CMD ["serve", "--config", "/etc/momentwatch/momentwatch.yaml"]

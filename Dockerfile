# Two stages: Debian's compiler and -dev packages build the daemon, Debian's shared libraries run it.
FROM debian:bookworm-slim AS build

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        cmake gcc libc6-dev ninja-build pkg-config \
        libarchive-dev libcurl4-openssl-dev libjansson-dev libmicrohttpd-dev libpg-query-dev libpq-dev libssl-dev libsystemd-dev libyaml-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY core core
COPY openapi openapi
COPY service service
RUN cmake --preset release -DTENANTD_TESTS=OFF \
    && cmake --build --preset release --target tenantd \
    && strip --strip-debug build/release/tenantd


FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        libarchive13 libjansson4 libmicrohttpd12 libpg-query1504.0 libpq5 libssl3 libsystemd0 libyaml-0-2 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 tenantd \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tenantd

COPY --from=build /src/build/release/tenantd /usr/local/bin/tenantd
COPY deploy/livez.sh /usr/local/bin/tenantd-livez

ENV TENANTD_LISTEN=0.0.0.0:8080 \
    TENANTD_ADMIN_LISTEN=0.0.0.0:9090

# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --retries=6 CMD ["tenantd-livez"]
ENTRYPOINT ["tenantd"]

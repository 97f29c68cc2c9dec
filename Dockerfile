# syntax=docker/dockerfile:1
# zidecar, to run beside an app. The same image is the sidecar, the webhook and the tools. deploy/image/docker-bake.hcl builds it for
# every architecture, with its bill of materials; deploy/image/CONTENTS.md says what is in it.

# What runs in production, with the native ZooKeeper client compiled for this Node. The image carries python3, make, g++ and Node's headers, so
# that nothing is fetched but packages.
FROM node:24.21.0-bookworm AS dependencies
WORKDIR /zidecar
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts \
 && npm_config_nodedir=/usr/local npm rebuild zookeeper

# TypeScript to JavaScript. A stage of its own, so that a change of a source file does not compile the addon again.
FROM node:24.21.0-bookworm AS build
WORKDIR /zidecar
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts
COPY agent agent
COPY lb lb
COPY health health
COPY deploy deploy
RUN npm run build

# The two together, and nothing that the program never loads. An image without the optional addon would build, and fail those who ask for
# it (ZIDECAR_ZOOKEEPER_CLIENT=native), so it is loaded here.
FROM node:24.21.0-bookworm AS program
WORKDIR /opt/zidecar
COPY --from=dependencies /zidecar/node_modules node_modules
COPY --from=build /zidecar/dist dist
COPY package.json package-lock.json LICENSE ./
RUN node dist/deploy/image/prune.js . \
 && rm -r package-lock.json dist/.tsbuildinfo dist/deploy/image \
 && node -e "import('zookeeper')" \
 && mkdir -p /state/zidecar

# No shell, no package manager, no npm: libc, libstdc++, certificates of authorities and time zones. Debian 12, as above.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="zidecar" \
      org.opencontainers.image.description="Sidecar for services in Apache ZooKeeper: registers the app, finds its peers, carries its calls" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV NODE_ENV=production
WORKDIR /opt/zidecar
COPY --from=program /usr/local/bin/node /usr/local/bin/node
COPY --chmod=755 deploy/image/zidecar /usr/local/bin/zidecar
COPY --from=program /opt/zidecar /opt/zidecar
COPY --from=program --chown=65532:65532 /state/zidecar /var/lib/zidecar

# The image's user "nonroot", by number, so that Kubernetes can see that it is not root. Nothing is written: a read-only root is fine.
USER 65532:65532

# Health and metrics. The outbound and the admin listener are on loopback, which the app shares.
EXPOSE 6191
# /live, not /ready: a registry that is away must not restart anybody's sidecar. It reads ZIDECAR_HEALTH by itself: there is no shell.
HEALTHCHECK --interval=10s --timeout=3s --retries=3 \
  CMD ["/usr/local/bin/node", "/opt/zidecar/dist/deploy/live.js"]

# No init is needed for the sidecar alone. With `run -- CMD` in the same container, use one (docker run --init, or
# shareProcessNamespace in a pod): somebody has to bury the grandchildren that CMD leaves behind.
# Node lets its young generation grow to 32 MB, which a sidecar fills once, while it starts: see "Memory" in lb/README.md.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "/opt/zidecar/dist/agent/main.js"]
CMD ["run"]

# zidecar, to run beside an app.

# What runs in production, with the ZooKeeper client compiled for this Node. The image carries python3, make, g++ and Node's headers, so
# that nothing is fetched but packages.
FROM node:24 AS dependencies
WORKDIR /zidecar
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts \
 && npm_config_nodedir=/usr/local npm rebuild zookeeper \
 && cd node_modules/zookeeper \
 && rm -rf deps src tests examples prebuilds build/deps build/Release/obj.target build/Release/.deps

# TypeScript to JavaScript. A stage of its own, so that a change of a source file does not compile the addon again.
FROM node:24 AS build
WORKDIR /zidecar
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts
COPY agent agent
COPY lb lb
COPY health health
COPY deploy deploy
RUN npm run build

FROM node:24-slim
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="zidecar" \
      org.opencontainers.image.description="Sidecar for services in Apache ZooKeeper: registers the app, finds its peers, carries its calls" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /opt/zidecar
COPY --from=dependencies /zidecar/node_modules node_modules
COPY --from=build /zidecar/dist dist
COPY package.json LICENSE ./
# The client is an optional dependency: an image without it would build, and fail at its first connect.
RUN node -e "import('zookeeper')" \
 && ln -s /opt/zidecar/dist/agent/main.js /usr/local/bin/zidecar \
 && install -d -o 1000 -g 1000 /var/lib/zidecar

# The image's user "node", by number, so that Kubernetes can see that it is not root. Nothing is written: a read-only root is fine.
USER 1000:1000

# Health and metrics. The outbound and the admin listener are on loopback, which the app shares.
EXPOSE 6191
# /live, not /ready: a registry that is away must not restart anybody's sidecar. The slim image has no curl.
HEALTHCHECK --interval=10s --timeout=3s --retries=3 \
  CMD node /opt/zidecar/dist/deploy/live.js "$ZIDECAR_HEALTH"

# No init is needed for the sidecar alone. With `run -- CMD` in the same container, use one (docker run --init, or
# shareProcessNamespace in a pod): somebody has to bury the grandchildren that CMD leaves behind.
ENTRYPOINT ["node", "/opt/zidecar/dist/agent/main.js"]
CMD ["run"]

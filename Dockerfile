# The official image of the runtime the tests run on. Debian slim: small, patched, and with a C library that everything knows.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Production dependencies only: the optional ones are the embedded database, which development and tests use.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY migrations ./migrations
COPY src ./src
# The demo dashboard at `/`: shown in development, never in production.
COPY examples/dashboard ./examples/dashboard
# Only for a container that runs as development, such as that of docker-compose.yml: generated keys live here.
# A checkout under a strict umask keeps its sources from others, and the user of the image is one of them.
RUN chmod -R go=rX package.json LICENSE migrations src examples && mkdir data .compile-cache && chown node:node data .compile-cache
# The user `node` by its number: `runAsNonRoot` of Kubernetes refuses to start an image whose user is a name.
USER 1000
# What Node strips of types and compiles at a start, done beforehand: a second and 20 MB a container. The cache is that of this
# user and of these V8 flags, so it is made by the one and with the others that the service runs with.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
# The C library keeps what was freed in a pool a thread; one pool for all holds a dozen megabytes less under load. `npm start` has the same.
ENV MALLOC_ARENA_MAX=1
RUN node --max-semi-space-size=6 --heap-growing-percent=25 --preserve-symlinks src/cli/compile.js
EXPOSE 3000
# Whether the process answers, and not whether it is ready: some orchestrators replace what is unhealthy, and a new container
# would not bring a database back. The port may be set, so it is asked for where it is known: in the container's own environment.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# No npm and no shell in between: the service is PID 1 and gets the signals itself.
# A small young generation (MiB) and an old one that is swept before it has grown much halve the memory under load; `npm start` has the same,
# and so has the line above that fills the compile cache. Not looking for links behind each of 1,800 files makes a start a fifth faster.
CMD ["node", "--max-semi-space-size=6", "--heap-growing-percent=25", "--preserve-symlinks", "src/cli/postern.js", "serve"]

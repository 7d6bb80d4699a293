# The API and its command line, `hive`. See docker-compose.yml for a whole installation. Alone, on the embedded database:
#
#   docker build --tag agent-hive .
#   docker run --init --publish 127.0.0.1:3000:3000 --volume hive:/app/.hive --env HIVE_ADMIN_KEY agent-hive

FROM node:24-slim AS build
WORKDIR /build
ENV CI=true TURBO_TELEMETRY_DISABLED=1 TURBO_NO_UPDATE_NOTIFIER=1 DO_NOT_TRACK=1 npm_config_yes=true npm_config_update_notifier=false

# Downloads only what the lockfile names, in a layer that stays until the lockfile changes.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN npx pnpm@12.21.0 fetch

COPY . .
RUN npx pnpm@12.21.0 install --frozen-lockfile
RUN npx pnpm@12.21.0 build --filter=@agent-hive/cli
# Copies the command line, the packages it uses and their production dependencies into one folder that needs nothing else.
RUN npx pnpm@12.21.0 --filter=@agent-hive/cli deploy --prod /app

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
COPY --from=build /app ./
# The embedded database's place; everything else belongs to root and cannot be changed by the process.
RUN install --directory --owner=node --group=node .hive
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js", "start"]

# Three images from one file:
#   docker build --target agent-core .   runs jobs that start no program: reports; the agent and nothing else in it
#   docker build --target agent .        runs any job, with the tools that a task wants
#   docker build --target server .       the HTTP server, nothing else in it
# Both builders can read it. The agent's stages come first, because the classic builder builds every stage up to
# the target. scripts/image.sh supplies the base images where no registry can be reached.
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG GOLANG_IMAGE=golang:1.26-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

# The big libraries, compiled in a layer of their own: it changes with go.mod, not with every edit.
FROM ${GOLANG_IMAGE} AS agent-deps
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
ARG WARM_AGENT="github.com/go-git/go-git/v5/plumbing/transport/http github.com/google/go-github/v60/github github.com/bradleyfalzon/ghinstallation/v2"
RUN go build -trimpath ${WARM_AGENT}

FROM agent-deps AS agent-build
COPY githubjobs githubjobs
COPY internal/agent internal/agent
COPY cmd/agent cmd/agent
# A release names its version; else the program tells the commit that it was built from, where that is known.
ARG VERSION=
# No run checks an attestation, and what does so is a third of the program: that of a release has it.
RUN go build -trimpath -tags nosigstore -ldflags="-s -w -X github.com/githubjobs/githubjobs/internal/agent.version=${VERSION}" -o /out/agent ./cmd/agent

FROM scratch AS agent-core
COPY --from=agent-build /out/agent /usr/local/bin/agent
USER 10001:10001
LABEL org.opencontainers.image.title="githubjobs agent, core" \
      org.opencontainers.image.description="Runs githubjobs jobs that start no program." \
      org.opencontainers.image.source="https://github.com/githubjobs/githubjobs" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/local/bin/agent"]

# The coding agents, in the versions that package.json pins. No package runs a script of its own but the two that put
# their program in its place. What is removed are second copies, and what needs a microphone.
FROM ${NODE_IMAGE} AS engines
WORKDIR /opt/engines
COPY githubjobs/engine/npm/package.json ./
RUN npm install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error \
 && npm rebuild --loglevel=error @anthropic-ai/claude-code opencode-ai \
 && rm -rf node_modules/@anthropic-ai/claude-code-* node_modules/opencode-linux-* \
      node_modules/@openai/codex-linux-*/vendor/*/codex-resources/voice \
      node_modules/node-pty node_modules/nan node_modules/node-addon-api \
 && node_modules/.bin/claude --version && node_modules/.bin/codex --version \
 && node_modules/.bin/gemini --version && node_modules/.bin/opencode --version

FROM ${DEBIAN_IMAGE} AS agent
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends bash ca-certificates curl git jq \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 agent \
 && useradd --uid 10001 --gid 10001 --create-home --shell /bin/bash agent \
 && install -d -o 10001 -g 10001 /work \
 # The work folder is mounted from the runner and may belong to another user there; git must not refuse it.
 && git config --system --add safe.directory '*'
COPY --from=engines /usr/local/bin/node /usr/local/bin/node
COPY --from=engines /opt/engines /opt/engines
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/engines/node_modules/.bin
COPY --from=agent-build /out/agent /usr/local/bin/agent
USER 10001:10001
WORKDIR /work
LABEL org.opencontainers.image.title="githubjobs agent" \
      org.opencontainers.image.description="Runs one githubjobs job in a checkout of its repository." \
      org.opencontainers.image.source="https://github.com/githubjobs/githubjobs" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["agent"]

FROM agent-deps AS server-deps
ARG WARM_SERVER="modernc.org/sqlite github.com/jackc/pgx/v5/pgxpool"
RUN go build -trimpath ${WARM_SERVER}

FROM server-deps AS server-build
COPY githubjobs githubjobs
COPY internal internal
COPY cmd/server cmd/server
# timetzdata: the image has no time zone files of its own.
RUN go build -trimpath -tags timetzdata -ldflags='-s -w' -o /out/server ./cmd/server \
 && mkdir -p /out/data /out/tmp && chmod 1777 /out/tmp

FROM scratch AS server
COPY --from=server-build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=server-build /out/tmp /tmp
COPY --from=server-build --chown=10001:10001 /out/data /data
COPY --from=server-build /out/server /server
# The database is githubjobs.db in the working folder, unless DATABASE_URL names another one.
ENV LISTEN_ADDR=:8080
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
LABEL org.opencontainers.image.title="githubjobs server" \
      org.opencontainers.image.description="Creates jobs in GitHub repositories and tells their status." \
      org.opencontainers.image.source="https://github.com/githubjobs/githubjobs" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/server"]

# The image of the webhook: docker buildx build --platform linux/amd64,linux/arm64 -t NAME .
# Each platform is built natively, or by emulation; nothing here names one. Releases have the image of scripts/image, which
# is the same, but reproducible, with an SBOM, and made without Docker.
FROM debian:12.12-slim AS build
WORKDIR /src
COPY scripts/setup scripts/packages.txt scripts/
# upgrade: libc and libstdc++ come with the base image, and go into ours.
RUN apt-get update -qq && apt-get upgrade -y -qq && scripts/setup build
# What .dockerignore names.
COPY . .
RUN cmake --workflow --preset release
RUN scripts/image-root build/release/code-executor-webhook /image

# No shell, no package manager, no other program.
FROM scratch
LABEL org.opencontainers.image.title="code-executor-webhook" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
# By number: runAsNonRoot cannot judge a name.
USER 65532:65532
EXPOSE 10250 8080
ENTRYPOINT ["/usr/bin/code-executor-webhook"]
CMD ["--help"]

# The image that simple.dockerfile starts from, as one finds it in a registry: Debian, and
# Node.js from its packages.
ARG BASE
FROM $BASE
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
	-o DPkg::Options::=--force-unsafe-io nodejs npm && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/*

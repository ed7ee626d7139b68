# By hand, from an empty Debian: the packages, a user, a directory of his.
ARG BASE
FROM $BASE
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
	-o DPkg::Options::=--force-unsafe-io nodejs npm && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/*
RUN useradd --create-home node
USER node
WORKDIR /home/node/app
COPY --chown=node:node . .
RUN --mount=type=secret,id=npmrc,mode=0444 --mount=type=secret,id=ca,mode=0444 \
	npm ci --userconfig /run/secrets/npmrc
EXPOSE 3000
CMD ["node", "index.js"]

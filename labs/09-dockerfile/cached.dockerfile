# As by-hand.dockerfile, but what changes often comes last: the dependencies are installed
# before the sources are there.
ARG BASE
FROM $BASE
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
	-o DPkg::Options::=--force-unsafe-io nodejs npm && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/*
RUN useradd --create-home node
USER node
WORKDIR /home/node/app
COPY --chown=node:node package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,mode=0444 --mount=type=secret,id=ca,mode=0444 \
	npm ci --userconfig /run/secrets/npmrc
COPY --chown=node:node index.js ./
EXPOSE 3000
CMD ["node", "index.js"]

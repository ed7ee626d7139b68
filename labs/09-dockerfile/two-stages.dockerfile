# In two stages: the first has all that is needed to build, the second, which begins with
# nothing, gets what is needed to run: node, the libraries that it is linked to, and us.
ARG BASE
FROM $BASE AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
	-o DPkg::Options::=--force-unsafe-io nodejs npm && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/*
# Debian keeps some of the modules that are built into node outside of it; their paths
# stand in its library.
RUN libraries=$(ldd /usr/bin/node | grep -o '/[^ ]*') && \
	modules=$(grep -ahoE '/usr/share/nodejs/[[:alnum:]/._-]+\.js' /usr/bin/node $libraries | sort -u); \
	mkdir /out && cp --parents --dereference /usr/bin/node $libraries $modules /out
WORKDIR /out/app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc --mount=type=secret,id=ca npm ci --userconfig /run/secrets/npmrc

FROM scratch
COPY --from=build /out /
COPY index.js /app/
USER 1000:1000
WORKDIR /app
EXPOSE 3000
CMD ["/usr/bin/node", "index.js"]

# Simply: somebody else's image, our directory, run as root.
ARG NODE
FROM $NODE
COPY . /app
WORKDIR /app
RUN --mount=type=secret,id=npmrc --mount=type=secret,id=ca npm ci --userconfig /run/secrets/npmrc
EXPOSE 3000
CMD ["node", "index.js"]

#!/bin/sh
# The same service in four images: how big each is, how long it takes to build it again
# after a change, and whether that fetches the dependencies again.
. "$(dirname "$0")/../lab.sh"
with_podman
[ "$(id -u)" -eq 0 ] || die "needs root, to make a Debian"

cache=$TOP/.cache

# A Debian as small as debootstrap makes it, which is made once and kept.
debian() {
	mkdir -p "$cache"
	(
		flock 9
		[ ! -d "$cache/debian-tree" ] || exit 0
		rm -rf "$cache/debian-tree.new"
		# shellcheck disable=SC1091 # the host's own
		host debootstrap --variant=minbase "$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")" \
			"$cache/debian-tree.new" >debootstrap.log 2>&1 || die "debootstrap: $(tail -n 1 debootstrap.log)"
		mv "$cache/debian-tree.new" "$cache/debian-tree"
	) 9>"$cache/debian-tree.lock"
}

# What npm must know of this host to reach a registry: which one, by which way, and with
# which password. In files that are there while npm runs and not in the image.
npm_settings() {
	ca=/etc/ssl/certs/ca-certificates.crt
	{
		cat /usr/etc/npmrc /etc/npmrc "${HOME:-/root}/.npmrc" 2>/dev/null |
			grep -E '^((@[^:=]+:)?registry|(https-)?proxy|noproxy|strict-ssl|//[^=]*) *=' || :
		env | sed -n 's/^npm_config_registry=/registry=/ip'
		printf '%s\n' update-notifier=false fund=false audit=false fetch-retries=1
		[ ! -r $ca ] || echo cafile=/run/secrets/ca
	} >npmrc
	[ -r $ca ] || : >empty
	[ -r $ca ] || ca=empty
}

now() {
	host date +%s%N
}

# build WAY: sets seconds, and fetched, which says whether npm ci had to run.
build() {
	start=$(now)
	podman build --network=host --build-arg BASE="localhost/lab/debian" \
		--build-arg NODE="localhost/lab/node" --secret id=npmrc,src=npmrc --secret id=ca,src=$ca \
		-f "$HERE/$1.dockerfile" -t "localhost/lab/$1" app >"$1.log" 2>&1 ||
		die "$1: $(grep -E 'ERR!|^E:|rror' "$1.log" | head -n 5)"
	seconds=$(echo "$start $(now)" | awk '{ printf "%.1f", ($2 - $1) / 1e9 }')
	grep -q '^added .* package' "$1.log" && fetched=yes || fetched=no
}

# page WAY PATH: what a container of it serves.
page() {
	podman run -d --name "lab-$1" --read-only --cap-drop all -p 127.0.0.1::3000 "localhost/lab/$1" >/dev/null
	eventually wget -q -O page "http://$(podman port "lab-$1" 3000)$2"
	cat page
	podman rm -f -t 0 "lab-$1" >/dev/null
}

ways="simple by-hand cached two-stages"
debian
npm_settings
cp -r "$HERE/app" app

say "The base, and the image with Node.js that the simple one starts from:"
host tar -C "$cache/debian-tree" --exclude='./var/lib/apt/lists/*' --exclude='./var/cache/apt/*' -cf - . |
	podman import -q - "localhost/lab/debian" >/dev/null
build node
echo "built in $seconds s; what it installed is in podman's cache now, for the others too"

say "The first build of each:"
for way in $ways; do
	build "$way"
	echo "$way $seconds $fetched" | tee -a first
done

say "One line of the source changes, and each is built again:"
echo "// changed" >>app/index.js
for way in $ways; do
	build "$way"
	echo "$way $seconds $fetched" | tee -a again
done

say "All of them serve the same page, on port 3000 in the container:"
for way in $ways; do
	printf '%s: ' "$way"
	page "$way" '/?name=<Ada>'
done

say "What else is in them, for whoever gets in:"
for way in $ways; do
	if podman run --rm "localhost/lab/$way" /bin/sh -c 'command -v apt-get; command -v npm' >found 2>/dev/null; then
		echo "$way: /bin/sh $(tr '\n' ' ' <found)"
	else
		echo "$way: no shell"
	fi
done

say "Side by side:"
printf '%-12s %9s %12s %12s %16s\n' "" "size, MB" "built in, s" "again in, s" "npm ci again"
for way in $ways; do
	size=$(podman image inspect -f '{{.Size}}' "localhost/lab/$way")
	printf '%-12s %9s %12s %12s %16s\n' "$way" "$((size / 1000000))" \
		"$(awk -v w="$way" '$1 == w { print $2 }' first)" \
		"$(awk -v w="$way" '$1 == w { print $2 }' again)" \
		"$(awk -v w="$way" '$1 == w { print $3 }' again)"
done

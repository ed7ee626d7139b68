# page: what it makes of descriptions, of hostile ones too; and how it answers requests.

# shellcheck disable=SC2154 # run_x sets output and stderr
load ../../tests/helpers

setup() {
	dir=$BATS_TEST_TMPDIR
}

teardown() {
	exec 7>&- 8<&- || :
	stop_all
}

# A container of which every text is hostile.
hostile() {
	python3 - <<-'EOT'
		import json
		evil = "<script>alert(1)</script>\"'&\u202egpj\u0007\u001b[31m\u009b"
		def item(**more): return {**{"event": evil, "text": evil, "image": evil, "why": evil, "key": evil,
		    "path": evil, "severity": evil, "waived": evil, "from": evil, "change": evil, "kind": evil,
		    "name": evil, "was": evil, "is": evil, "sign": evil, "type": evil, "time": 1, "n": 1, "size": 3,
		    "present": True, "security": True}, **more}
		print(json.dumps({"whittle": 1, "host": "../" + evil, "time": 1, "error": evil, "containers": [
		    {"name": "../../" + evil, "state": evil, "health": evil, "mood": evil, "live": evil, "runs": evil,
		     "image": evil, "ports": [evil, 3], "events": [item()], "generations": [item(data=[])],
		     "quarantine": [item()], "updates": {"time": 2, "found": [item()]}, "tests": item(),
		     "audit": {"exposure": 1e99, "verdict": evil, "findings": [item()]},
		     "scan": {"time": 1, "changes": [item()]}, "log": evil + "\n" + evil,
		     "contents": {"paths": [item(why=[evil, 1])], "left_out": 2},
		     "changes": {"from": evil, "list": [item()]}},
		    {"name": "..", "since": 2**62, "memory": 2**62, "memory_limit": 1, "restarts": -1,
		     "size": {"before": -5, "after": 2**62}},
		    {"name": "odd", "events": 1, "generations": {}, "audit": "x", "contents": [], "updates": [],
		     "log": 7, "size": [], "tests": None, "ports": "x", "mood": 1, "live": 2}]}))
	EOT
}

# Every element is closed in order, every attribute quoted, no ID given twice, each link within
# the site leads somewhere, no script or style stands in the page, and nothing is asked of
# anybody else.
well_formed() { # DIRECTORY
	python3 - "$1" <<-'EOT'
		import os, sys
		from html.parser import HTMLParser
		top = sys.argv[1]
		void = {"meta", "link", "input", "br"}
		class Page(HTMLParser):
		    def __init__(self, path):
		        super().__init__()
		        self.path, self.open, self.ids, self.links = path, [], set(), []
		    def handle_starttag(self, tag, attrs):
		        a = dict(attrs)
		        assert len(a) == len(attrs), (self.path, attrs)
		        assert tag != "script" or a.get("src"), self.path
		        assert tag not in ("style", "iframe", "img", "object", "base", "form"), (self.path, tag)
		        assert not [k for k in a if k.startswith("on") or k == "style"], (self.path, a)
		        if "id" in a:
		            assert a["id"] not in self.ids, (self.path, a["id"])
		            self.ids.add(a["id"])
		        self.links += [a[k] for k in ("href", "src") if k in a]
		        if tag not in void:
		            self.open.append(tag)
		    def handle_startendtag(self, tag, attrs):
		        self.handle_starttag(tag, attrs)
		        if tag not in void:
		            self.open.pop()
		    def handle_endtag(self, tag):
		        assert self.open and self.open.pop() == tag, (self.path, tag, self.getpos())
		n = 0
		for where, _, files in os.walk(top):
		    for name in files:
		        if not name.endswith(".html"):
		            continue
		        page = Page(os.path.join(where, name))
		        page.feed(open(page.path, encoding="utf-8").read())
		        assert not page.open, (page.path, page.open)
		        n += 1
		        for link in page.links:
		            if link.startswith("#"):
		                assert link[1:] in page.ids, (page.path, link)
		            else:
		                assert ":" not in link and not link.startswith("/"), (page.path, link)
		                assert os.path.isfile(os.path.normpath(os.path.join(where, link))), (page.path, link)
		assert n, "no page"
	EOT
}

@test "every page of a fleet is well formed, and its links lead somewhere" {
	./tests/fleet 3 30 >"$dir/fleet.json"
	run_x 0 "$PAGE" -o "$dir/site" "$dir/fleet.json"
	run_x 0 well_formed "$dir/site"
	[ "$(find "$dir/site/at" -name '*.html' | wc -l)" -eq 90 ]
	run_x 0 jq -r '[.[].containers[]] | length, (map(select(.log or .contents)) | length)' "$dir/site/hosts.json"
	[ "$output" = $'90\n0' ]
	run_x 0 jq -r '.host, .contents.paths[0].path' "$dir/site/at/host1/web.json"
	[ "$output" = $'host1\n/usr/lib/module-0.so' ]
	grep -q '^whittle_memory_bytes{host="host2",name="db"} 6000000$' "$dir/site/metrics"
	# One line a series, each announced.
	awk '/^# TYPE/ { type[$3] = 1 } !/^#/ { split($1, m, "{"); if (!type[m[1]] || seen[$1]++) exit 1 }' \
		"$dir/site/metrics"
	# What needs attention comes first.
	run_x 0 grep -oE '<tr role="row" class="[a-z]+"' "$dir/site/index.html"
	[ "$(uniq <<<"$output" | grep -o '"[a-z]*"$' | tail -n +1 | tr -d '"\n')" = badwarngoodoff ]
}

@test "hostile texts stay texts, and names stay within the directory" {
	hostile >"$dir/hostile.json"
	run_x 0 "$PAGE" -o "$dir/site" "$dir/hostile.json"
	run_x 0 well_formed "$dir/site"
	run grep -rl '<script>' "$dir/site" --include='*.html'
	[ -z "$output" ]
	run grep -rlE $'[\e\a]' "$dir/site"
	[ -z "$output" ]
	run grep -rlF $'\u202e' "$dir/site" --include='*.html'
	[ -z "$output" ]
	[ "$(find "$dir" -name '*.html' -not -path "$dir/site/*" | wc -l)" -eq 0 ]
	[ "$(find "$dir/site/at" -mindepth 3 | wc -l)" -eq 0 ]
	grep -q '&lt;script&gt;' "$dir/site/index.html"
}

@test "what is no description is refused, named, and nothing is written" {
	local bad
	for bad in '{' '[]' '{"whittle":2,"host":"a","containers":[]}' '{"whittle":1,"containers":[]}' \
		'{"whittle":1,"host":"a","containers":{}}' '{"whittle":1,"host":"a","containers":[{}]}'; do
		echo "$bad" >"$dir/bad.json"
		run_x 2 "$PAGE" -o "$dir/site" "$dir/bad.json"
		expect "page: $dir/bad.json: " "$stderr"
		[ ! -e "$dir/site" ]
	done
	run_x 2 "$PAGE" -o "$dir/site" "$dir/none.json"
	expect "read '$dir/none.json': No such file" "$stderr"
	run_x 2 "$PAGE"
	run_x 2 "$PAGE" serve
}

@test "files are replaced whole, what is gone goes, what isn't ours stays" {
	./tests/fleet 2 3 | "$PAGE" -o "$dir/site"
	exec 8<"$dir/site/index.html"
	echo mine >"$dir/site/at/host2/mine.html"
	ln -s "$dir" "$dir/site/at/away"
	echo at/away/keep.html >>"$dir/site/.whittle-page"
	echo precious >"$dir/keep.html"
	inode=$(stat -c %i "$dir/site/style.css")
	./tests/fleet 2 3 | jq -c 'select(.host == "host1") | .containers |= .[:1]' | "$PAGE" -o "$dir/site"
	# Whoever reads the old one reads it to its end.
	run_x 0 grep -c '</html>' <&8
	[ -e "$dir/site/at/host1/web.html" ]
	[ ! -e "$dir/site/at/host1/db.html" ]
	[ ! -e "$dir/site/at/host2/web.html" ]
	[ "$(<"$dir/site/at/host2/mine.html")" = mine ]
	[ "$(<"$dir/keep.html")" = precious ]
	# What didn't change isn't written.
	[ "$(stat -c %i "$dir/site/style.css")" = "$inode" ]
	rm -r "$dir/site/at/host1"
	ln -s "$dir" "$dir/site/at/host1"
	run_x 2 "$PAGE" -o "$dir/site" <<<"$(./tests/fleet 1 1)"
	expect "write '$dir/site/at/host1/web.html'" "$stderr"
}

# served [ARG…]: a server on pipes 7 (to it) and 8 (from it).
served() {
	port=$(free_port)
	mkfifo "$dir/in" "$dir/out"
	"$PAGE" serve --port "$port" "$@" <"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- 4>&- &
	STARTED+=($!)
	exec 7>"$dir/in" 8<"$dir/out"
	wait_until 10 grep -q serving "$dir/err"
}

code() { # PATH [CURL-ARG…]
	curl -s -o /dev/null -w '%{http_code}' --max-time 10 --path-as-is "${@:2}" "http://127.0.0.1:$port$1"
}

@test "serve: asks when somebody looks, and answers only who may read, and only reads" {
	served --host nas.lan
	curl -s -D "$dir/head" --max-time 10 "http://127.0.0.1:$port/" >"$dir/body" 3>&- &
	first=$!
	read -r -t 10 line <&8
	[ -z "$line" ]
	# What is no description keeps none of the others away.
	{ echo '{"host": "lies"}'; echo 'no JSON'; ./tests/fleet 1 3; echo; } >&7
	wait "$first"
	grep -q '3 containers on 1 host' "$dir/body"
	grep -q 'page: standard input: not a description of a host' "$dir/err"
	grep -qi "^Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'" "$dir/head"
	grep -qi '^X-Content-Type-Options: nosniff' "$dir/head"
	run grep -qi '^Set-Cookie' "$dir/head"
	[ "$status" -ne 0 ]
	[ "$(code /metrics)" = 200 ]
	[ "$(code /at/host1/web.json -I)" = 200 ]
	[ "$(code / -d x=y)" = 405 ]
	[ "$(code / -X DELETE)" = 405 ]
	for path in /none /../../etc/passwd /at/host1/../../../etc/passwd /at/host1/web /at /%2e%2e/x //; do
		[ "$(code "$path")" = 404 ]
	done
	for name in evil.example "localhost.evil.example:$port" ''; do
		[ "$(code / -H "Host: $name")" != 200 ]
	done
	for name in "localhost:$port" "[::1]:$port" NAS.lan; do
		[ "$(code / -H "Host: $name")" = 200 ]
	done
	tag=$(curl -sI "http://127.0.0.1:$port/style.css" | tr -d '\r' | sed -n 's/^ETag: //p')
	# A minute may begin between the two requests, but not twice.
	[ "$(code /style.css -H "If-None-Match: $tag")" = 304 ] || {
		tag=$(curl -sI "http://127.0.0.1:$port/style.css" | tr -d '\r' | sed -n 's/^ETag: //p')
		[ "$(code /style.css -H "If-None-Match: $tag")" = 304 ]
	}
	# It ends with what it is told by.
	exec 7>&-
	wait_until 10 eval "! kill -0 ${STARTED[-1]} 2>/dev/null"
}

@test "the page's colours stand out enough, in light and in dark" {
	./tests/fleet 1 1 | "$PAGE" -o "$dir/site"
	run_x 0 "$TOP/tests/contrast" "$dir/site/style.css"
}

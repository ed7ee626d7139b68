# Notifiers: what gets to small servers of all kinds, when, and what happens where it doesn't.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	container "${P}web"
	d u "${P}web"
	mkdir "$ROOM/got"
	free_port >"$ROOM/http"
	free_port >"$ROOM/smtp"
	"$BATS_TEST_DIRNAME/tests/notified.py" "$(cat "$ROOM/http")" "$(cat "$ROOM/smtp")" "$ROOM/got" \
		>/dev/null 2>&1 3>&- 4>&- &
	echo $! >"$ROOM/server"
	wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$(cat "$ROOM/http")"
	echo a-token >"$ROOM/token"
}

teardown_file() {
	[ ! -e "$ROOM/server" ] || kill "$(cat "$ROOM/server")"
	fixture_remove
}

setup() {
	N=${P}web
	HTTP=http://127.0.0.1:$(cat "$ROOM/http")
	SMTP=smtp://127.0.0.1:$(cat "$ROOM/smtp")
	rm -rf "${ROOM:?}/got/"* "$WHITTLE_STATE/notify"
}

# The host's notify, YAML on standard input.
notify() {
	{ echo "base: $ROOM/base" && cat; } >"$WHITTLE_SETTINGS"
}

got() { # KIND.N
	cat "$ROOM/got/$1"
}

# An event that somebody has to look at: an upgrade whose build fails.
fail_upgrade() {
	touch "$WHITTLE_CONTAINERS/$N/fail-build"
	run_x 1 d u "$N"
	rm "$WHITTLE_CONTAINERS/$N/fail-build"
}

@test "notify --test reaches ntfy, Gotify, a webhook and mail by SMTP, each in its own words" {
	notify <<-EOT
		notify:
		  - {ntfy: $HTTP/whittle-topic, token: token}
		  - {gotify: $HTTP/push, token: token}
		  - webhook: $HTTP/hook/s3cret
		    template: '{"msg": "\${TITLE}: \${TEXT}", "event": "\${EVENT}"}'
		    headers: {X-From: d}
		  - {mail: [me@example.org, you@example.org], from: d@example.org, smtp: "$SMTP", user: joe, password: token}
	EOT
	run_x 0 d notify --test
	[ "${#lines[@]}" -eq 4 ]
	refute s3cret
	expect /whittle-topic "$(got http.1)"
	expect "Authorization: Bearer a-token" "$(got http.1)"
	expect "Title: test on $(hostname)" "$(got http.1)"
	expect "/push/message" "$(got http.2)"
	expect "X-Gotify-Key: a-token" "$(got http.2)"
	[ "$(got http.2 | tail -n 1 | jq -r .message)" = "d notify --test: this notifier works" ]
	expect "X-From: d" "$(got http.3)"
	[ "$(got http.3 | tail -n 1 | jq -r .event)" = test ]
	mail=$(got mail.1)
	expect "LOGIN |joe|a-token" "$mail"
	expect "RCPT TO:<you@example.org>" "$mail"
	expect "Subject: test on $(hostname)" "$mail"
	expect "this notifier works" "$mail"
	run_x 0 d notify --test gotify
	expect gotify
	run_x 2 d notify --test nobody
	run_x 0 d notify
	refute s3cret
}

@test "mail by sendmail has its recipients as arguments and the message on standard input" {
	printf '#!/bin/sh\n{ echo "$@"; cat; } >%s/got/sent\n' "$ROOM" >"$ROOM/bin/sendmail"
	chmod +x "$ROOM/bin/sendmail"
	notify <<<"notify: {mail: me@example.org, sendmail: [$ROOM/bin/sendmail, -f, d@example.org]}"
	run_x 0 d notify --test
	expect "-f d@example.org -i -- me@example.org" "$(got sent)"
	expect "To: me@example.org" "$(got sent)"
}

@test "what is secret is in no argument, at no time" {
	printf '#!/bin/sh\ncat >%s/config\ntr "\\0" " " </proc/$$/cmdline >%s/argv\n' "$ROOM" "$ROOM" >"$ROOM/bin/curl"
	chmod +x "$ROOM/bin/curl"
	notify <<<"notify: {webhook: $HTTP/hook/s3cret, token: token}"
	PATH=$ROOM/bin:$PATH run_x 0 d notify --test
	rm "$ROOM/bin/curl"
	expect s3cret "$(cat "$ROOM/config")"
	expect a-token "$(cat "$ROOM/config")"
	run_x 1 grep -e s3cret -e a-token "$ROOM/argv"
}

@test "a failed upgrade is told in one message; what nobody asked to hear isn't" {
	notify <<<"notify: [{webhook: $HTTP/hook}, {ntfy: $HTTP/all, events: [stopped]}]"
	fail_upgrade
	[ "$(ls "$ROOM/got")" = http.1 ]
	[ "$(got http.1 | tail -n 1 | jq -r '.name, .event')" = "$N"$'\nfailed' ]
	expect "upgrade: the build failed" "$(got http.1)"
}

@test "what doesn't start at boot is told once, however often that is tried" {
	notify <<<"notify: {webhook: $HTTP/hook}"
	mkdir -p "$WHITTLE_CONTAINERS/${P}none" "$WHITTLE_CONTAINERS/${P}bad"
	printf 'autostart: 1\nimage: localhost/whittle/%snone\n' "$P" >"$WHITTLE_CONTAINERS/${P}none/settings.yaml"
	echo 'no_such_key: 1' >"$WHITTLE_CONTAINERS/${P}bad/settings.yaml"
	run_x 1 d up-all
	run_x 1 d up-all
	rm -r "$WHITTLE_CONTAINERS/${P}none" "$WHITTLE_CONTAINERS/${P}bad"
	[ "$(ls "$ROOM/got")" = http.1 ]
	text=$(got http.1 | tail -n 1 | jq -r .text)
	expect "${P}none failed: up: there is no image 'localhost/whittle/${P}none:live'" "$text"
	expect "${P}bad failed: up: its settings are wrong" "$text"
	# One that ends at once.
	rm "$ROOM/got/"*
	mood "$N" 2 0 1
	d build -ts "$N"
	settings "$N" <<<'autostart: 1'
	d 0 "$N"
	run_x 1 d up-all
	run_x 1 d up-all
	[ "$(ls "$ROOM/got")" = http.1 ]
	expect "failed: up: it is " "$(got http.1 | tail -n 1 | jq -r .text)"
	mood "$N" 1
	d build -ts "$N"
	settings "$N" </dev/null
	d 1 "$N"
}

@test "text with quotes, backslashes and control bytes arrives as valid JSON" {
	notify <<<"notify: {webhook: $HTTP/hook, events: [refused]}"
	printf 'hooks: {before_stop: [sh, -c, %s]}\n' "'printf \"@ \\\\ \\042 \\011 x\"; exit 3'" | settings "$N"
	d 1 "$N"
	run_x 1 d 0 "$N"
	settings "$N" </dev/null
	expect '@ \134 " \011 x' "$(got http.1 | tail -n 1 | jq -r .text)"
}

@test "what doesn't arrive is said, fails nothing, is in d why, and is sent later" {
	echo 404 >"$ROOM/got/refuse"
	notify <<<"notify: {webhook: $HTTP/hook, events: [started, stopped]}"
	run_x 0 d R "$N"
	expect "notifying 'webhook' failed:" "$stderr"
	expect "404" "$stderr"
	run_x 0 d why "$N"
	expect "undelivered"
	run_x 0 d notify
	expect "1 waiting"
	# It isn't tried again at once: a notifier that hangs would slow down everything.
	rm "$ROOM/got/"*
	run_x 0 d 0 "$N"
	refute notifying "$stderr"
	[ -z "$(ls "$ROOM/got")" ]
	sed -i 's/"after": [0-9]*/"after": 1/' "$WHITTLE_STATE/notify/queue.json"
	run_x 0 d 1 "$N"
	[ "$(ls "$ROOM/got")" = http.1 ]
	[ "$(got http.1 | tail -n 1 | jq -r .event)" = several ]
	expect "3 events on" "$(got http.1)"
	run_x 0 d notify
	expect "0 waiting"
}

@test "a server that is busy for a moment is asked again" {
	echo 503 >"$ROOM/got/refuse"
	notify <<<"notify: {webhook: $HTTP/hook}"
	start d notify --test
	wait_until 10 test -e "$ROOM/got/refused.1"
	rm "$ROOM/got/refuse"
	wait "$started"
	[ -e "$ROOM/got/http.1" ]
}

@test "who sends isn't waited for, and sends what others queue meanwhile" {
	notify <<<"notify: {webhook: $HTTP/hook, events: [started, stopped]}"
	d 1 "$N"
	d 0 "$N"
	rm -f "$ROOM/got/"*
	exec {sending}>"$WHITTLE_STATE/notify/sending"
	flock "$sending"
	run_x 0 timeout 60 "$D" 1 "$N"
	[ -z "$(ls "$ROOM/got")" ]
	exec {sending}>&-
	echo 503 >"$ROOM/got/refuse"
	start d 0 "$N"
	wait_until 20 test -e "$ROOM/got/refused.1"
	rm "$ROOM/got/refuse"
	run_x 0 d 1 "$N"
	wait "$started"
	[ "$(got http.1 | tail -n 1 | jq -r .event)" = several ]
	[ "$(got http.2 | tail -n 1 | jq -r .event)" = started ]
}

@test "what can't be written down as sent isn't sent again at once" {
	local sending
	notify <<<"notify: {webhook: $HTTP/hook, events: [started, stopped]}"
	mkdir -m 700 "$WHITTLE_STATE/notify"
	exec {sending}>"$WHITTLE_STATE/notify/sending"
	flock "$sending"
	d 1 "$N"
	d 0 "$N"
	exec {sending}>&-
	mkdir -p "$WHITTLE_STATE/notify/queue.json.new/x"
	run_x 0 d 1 "$N"
	rm -r "$WHITTLE_STATE/notify/queue.json.new"
	expect "write '$WHITTLE_STATE/notify/queue.json'" "$stderr"
	[ "$(find "$ROOM/got" -name 'http.*' | wc -l)" -eq 1 ]
}

@test "a d that is killed while it sends a mail leaves nothing of it" {
	notify <<<"notify: {mail: me@example.org, from: d@example.org, smtp: \"$SMTP\"}"
	printf '#!/bin/sh\nkill -KILL "$PPID"\n' >"$ROOM/bin/curl"
	chmod +x "$ROOM/bin/curl"
	PATH=$ROOM/bin:$PATH run_x 137 "$D" notify --test
	rm "$ROOM/bin/curl"
	[ -z "$(find "$WHITTLE_STATE" -name '.mail*')" ]
}

@test "quiet hours hold back what isn't urgent, across midnight too" {
	hour=$(date +%-H)
	quiet=$(printf '%02d:00-%02d:00' "$(((hour + 23) % 24))" "$(((hour + 2) % 24))")
	notify <<<"notify: {webhook: $HTTP/hook, events: [failed, stopped], urgent: [failed], quiet: \"$quiet\"}"
	d 1 "$N"
	d 0 "$N"
	[ -z "$(ls "$ROOM/got")" ]
	fail_upgrade
	[ "$(got http.1 | tail -n 1 | jq -r .event)" = failed ]
	run_x 0 d notify
	expect "1 waiting"
	notify <<<"notify: {webhook: $HTTP/hook, events: [failed, stopped]}"
	d 1 "$N"
	[ "$(got http.2 | tail -n 1 | jq -r .event)" = stopped ]
}

@test "wrong settings are named by line, and nothing is done" {
	while IFS='|' read -r yaml says; do
		notify <<<"notify: $yaml"
		run_x 2 d status
		expect "host.yaml:2:" "$stderr"
		expect "$says" "$stderr"
	done <<-'EOT'
		{ntfy: ftp://x/y}|want an address that begins with https://
		{webhook: "http://x", template: "{\"a\": ${NOPE}}"}|there is no '${NOPE}'
		{webhook: "http://x", template: "{\"a\": ${TEXT}}"}|what comes out isn't JSON
		{webhook: "http://x", events: [fialed]}|there is no event 'fialed'; is 'failed' meant?
		{webhook: "http://x", quiet: "25:00-01:00"}|want quiet hours
		{mail: "me@x.org", smtp: "smtp://x"}|smtp needs from as well
		{mail: "a,b@x.org"}|want an address such as
		{gotify: "http://x"}|gotify needs token
		{ntfy: "http://x/y", user: joe}|user and password go together
		{pager: 7}|want a map with ntfy, gotify, mail or webhook
	EOT
}

# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # infra/image sets them, or uses them
# "infra/image learn": what a service needs of its image and of its settings, found out by its
# tests. infra/image reads this file; what is used here and isn't defined here is its.

learn=$top/infra/learn/learn
try=$here/obj/learn/try/$name # a directory of the container with other settings

# The image without its carving, as its makers and prep's other rules leave it, under the tag
# :learn, and its files in obj/learn/root.
uncarved_image() {
	build_context=obj/learn/context build_tag=learn
	import_packages
	stage_context "$build_context"
	stage_starts "$build_context"
	export BUILDAH_FORMAT=docker
	hold_store
	engine_build || exit 2
	release_store
	export_image "$repo:learn" obj/learn/root || exit 2
}

# The tests once, with an engine whose containers have a recorder in them.
recorded_run() { # FOLDER ID
	local around=() recorder=() status=0
	recorder_around "$1" "$2" learn
	[ ! -f settings.yaml ] || around=(env "WHITTLE_CONTAINERS=${here%/*}" "$top/infra/d/d" test --image-id "$2"
		--name "$name-learn-$$" --port_offset free "$name" --)
	# shellcheck disable=SC2016 # for the shell inside
	env TEST_IMAGE="$2" TEST_NAME="$name" "${recorder[@]}" "${around[@]}" bash -c '
			[ -z "${INSTANCE_NAME:-}" ] || "$0" health "$INSTANCE_NAME" >&2 || :
			exec "$1" test.bats' "$learn" "$top/tests/run" 2>&1 {lock_fd}>&- |
		"$learn" tests "$1.tests" | tee obj/learn.log || status=$?
	[ "$status" -eq 0 ] || {
		printf 'image: %s: nothing is learned from tests that fail; the log: %s\n' "$name" "$here/obj/learn.log" >&2
		exit 1
	}
}

# ---- settings that allow less ----

# Writes the most memory that a container's cgroup ever had to a file, in bytes, again and again,
# since a test may end the container, and the cgroup with it; nothing where there is none. It
# stands in a shell of its own, see below.
watch_memory() { # ENGINE CONTAINER FILE
	local pid controllers path from=
	rm -f "$3"
	pid=$("$1" inspect -f '{{.State.Pid}}' "$2") || return 0
	while IFS=: read -r _ controllers path; do
		[ "$path" != / ] || continue
		case ,$controllers, in
		*,memory,*) path=/sys/fs/cgroup/memory$path/memory.max_usage_in_bytes ;;
		,,) path=/sys/fs/cgroup$path/memory.peak ;;
		*) continue ;;
		esac
		[ ! -r "$path" ] || from=$path
	done <"/proc/$pid/cgroup"
	[ -n "$from" ] || return 0
	while cat "$from" >"$3.new"; do
		mv "$3.new" "$3"
		sleep 0.2
	done
}

# The tests in an instance by the settings of a directory, without a recorder; the peak of its
# memory goes to obj/learn/peak.
tests_pass() { # ID CONTAINERS
	# shellcheck disable=SC2016 # for the shell inside
	TEST_IMAGE=$1 TEST_NAME=$name WHITTLE_CONTAINERS=$2 "$top/infra/d/d" test --image-id "$1" \
		--name "$name-try-$$" --port_offset free "$name" -- bash -c "$(declare -f watch_memory)"'
			cd "$1" && shift
			watch_memory "$1/infra/engine" "$INSTANCE_NAME" obj/learn/peak 2>/dev/null &
			"$1/tests/run" test.bats && status=0 || status=$?
			kill $! 2>/dev/null
			exit "$status"' learn "$here" "$top" >>obj/learn.log 2>&1 {lock_fd}>&-
}

tests_pass_tried() { # ID
	tests_pass "$1" "${try%/*}:${here%/*}"
}

settings_of() { # CONTAINERS: as JSON, with defaults
	WHITTLE_CONTAINERS=$1 "$top/infra/d/d" list-all-settings "$name" | jq '.[0]'
}

# All of the container's directory but its settings, which are a copy.
begin_trying() {
	local path
	rm -rf "$try"
	mkdir -p "$try"
	for path in "$here"/* "$here"/.[!.]*; do
		case ${path##*/} in
		obj | settings.yaml | seccomp.json | *-stamp* | .lock) ;;
		*) [ ! -e "$path" ] || ln -s "$path" "$try/" ;;
		esac
	done
	for path in settings.yaml seccomp.json; do
		[ ! -f "$path" ] || cp -p "$path" "$try/"
	done
}

# An edit is what "learn edit" takes behind the file, with tabs between the words; several that
# belong together have a newline between them.
apply_edit() { # EDIT
	local line words
	while IFS= read -r line; do
		IFS=$'\t' read -ra words <<<"$line"
		"$learn" edit "$try/settings.yaml" "${words[@]}" || [ $? -eq 1 ] || return 2
	done <<<"$1"
}

in_words() { # EDIT
	local how key value
	IFS=$'\t' read -r how key value _ <<<"$1"
	case $how in
	drop) echo "without $key: $value" ;;
	unset) echo "without $key" ;;
	*) echo "with $key: $value" ;;
	esac
}

# Takes over what the tests pass with: all edits at once, else one half and then the other.
try_edits() { # ID EDIT...
	local id=$1 edit before half
	shift
	[ $# -gt 0 ] || return 0
	before=$(cat "$try/settings.yaml" && echo x)
	for edit; do
		apply_edit "$edit" || exit 2
	done
	[ "$before" != "$(cat "$try/settings.yaml" && echo x)" ] || return 0
	if tests_pass_tried "$id"; then
		return 0
	fi
	printf %s "${before%x}" >"$try/settings.yaml"
	if [ $# -eq 1 ]; then
		say NEEDED "$name: its tests fail $(in_words "$1")"
		return 0
	fi
	half=$(($# / 2))
	try_edits "$id" "${@:1:half}"
	try_edits "$id" "${@:half+1}"
}

# Whether a path, or a mount point below or above it, was written to.
was_written() { # PATH
	jq -e --arg path "$1" '.written | has($path)' "$facts" >/dev/null
}

# An account's number as its name, where the image has one.
name_of() { # passwd|group ID
	awk -F: -v id="$2" '$3 == id { print $1; found = 1; exit } END { if (!found) print id }' "obj/learn/root/etc/$1" 2>/dev/null || echo "$2"
}

# Not read-only: what was written to where becomes memory, or a volume where it may be data.
edit_for_read_only() {
	local path edit=$'set\tread_only\ttrue' user source
	user=$(jq -r '.users[-1].uid // empty' "$facts")
	while IFS= read -r path; do
		[[ $path =~ ^/[A-Za-z0-9/._@+-]+$ ]] || continue
		jq -e --arg path "$path" '[.mounts[].target, .tmpfs[].path] | any(. as $m | $path == $m or ($path | startswith($m + "/")))' \
			<<<"$settings" >/dev/null && continue
		case $path in
		/run | /run/* | /var/run | /var/run/* | /tmp | /tmp/* | /var/tmp | /var/lock | /var/cache | /var/cache/* | /var/log | /var/log/*)
			edit+=$'\nadd\ttmpfs\t'$path
			;;
		*)
			source=${path##*/}
			edit+=$'\nadd\tmount_rw\t'"$source:$path"$'\nadd\tvols\t'"{path: $source, type: dir, perm: \"0750\"${user:+, owner: user/$(name_of passwd "$user")}}"
			;;
		esac
	done < <(jq -r '.written | keys[]' "$facts")
	printf '%s' "$edit"
}

edits_of_rights() { # one a line end of \0
	local cap path port words
	while IFS= read -r cap; do
		printf 'drop\tcaps\t%s\tCAP_%s\0' "$cap" "$cap"
	done < <(jq -r '.caps[]?' <<<"$settings")
	while IFS= read -r path; do
		was_written "$path" || printf 'drop\ttmpfs\t%s\0' "$path"
	done < <(jq -r '.tmpfs[]?.path' <<<"$settings")
	while IFS=$'\t' read -r port words; do
		jq -e --arg port "$port" '.listens | index($port)' "$facts" >/dev/null ||
			printf 'drop\tports\t%s\0' "$words"
	done < <(jq -r '.ports[]? | "\(.host):\(.inside)" as $short | [$short, "\(.address):\($short)"] as $bare | .protocol as $protocol |
		["\(.inside)/\($protocol)"] + (if $protocol == "tcp" then $bare else [] end) + ($bare | map("\(.)/\($protocol)")) | join("\t")' <<<"$settings")
}

# In MiB, in steps of an eighth at most, so that a little more or less is the same number.
rounded_up() { # BYTES
	awk -v n="$1" 'BEGIN { n = n / 1048576; for (step = 1; step * 8 < n;) step *= 2; m = int(n / step) * step; print m < n ? m + step : m }'
}

# Twice the most that was needed at once. What is at most half as much again stays: no two runs
# need just the same.
edits_of_limits() {
	local peak now tasks wanted
	peak=$(cat obj/learn/peak 2>/dev/null || :)
	now=$(jq -r '.memory // 0' <<<"$settings")
	if [ -n "$peak" ]; then
		wanted=$(rounded_up $((peak * 2)))
		[ "$wanted" -ge 8 ] || wanted=8
		[ "$now" -ne 0 ] && [ "$now" -le $((wanted * 1048576 * 3 / 2)) ] || printf 'set\tmemory\t%sm\0' "$wanted"
	else
		say MEMORY "$name: this host doesn't measure it: no proposal" >&2
	fi
	tasks=$(jq -r .tasks "$facts")
	now=$(jq -r '.pids // 0' <<<"$settings")
	wanted=$((tasks * 2 + 6))
	[ "$now" -ne 0 ] && [ "$now" -le $((wanted * 3 / 2)) ] || printf 'set\tpids\t%s\0' "$wanted"
}

# The system calls that were made, as a profile, where the tests pass under it.
try_seccomp() { # ID
	local new=obj/learn/seccomp.json
	"$learn" seccomp "$new" obj/learn/run-*[0-9] || exit 2
	if cmp -s "$new" "$try/seccomp.json" && [ "$(jq -r '.seccomp // empty' <<<"$settings")" = "$here/seccomp.json" ]; then
		return 0
	fi
	cp "$new" "$try/seccomp.json"
	cp -p "$try/settings.yaml" obj/learn/settings.before
	apply_edit $'set\tseccomp\tseccomp.json' || exit 2
	if tests_pass_tried "$1"; then
		return 0
	fi
	say SECCOMP "$name: its tests don't pass with the system calls that were seen alone: $here/obj/learn.log"
	cp -p obj/learn/settings.before "$try/settings.yaml"
	if [ -f seccomp.json ]; then cp -p seccomp.json "$try/"; else rm -f "$try/seccomp.json"; fi
}

# The profile that is there was learned from fewer tests, and forbids what they do by now.
pass_with_new_profile() { # ID
	[ -f seccomp.json ] || return 1
	"$learn" seccomp "$try/seccomp.json" obj/learn/run-*[0-9] || exit 2
	tests_pass_tried "$1" || return 1
	say SECCOMP "$name: its tests fail under seccomp.json, and pass under what was learned now"
}

# Whoever needs root for a start alone may do without; who became somebody may be that from the
# start.
try_user() { # ID
	local user uid gid
	case $(jq -r '.user // empty' <<<"$settings") in
	root | root:* | 0 | 0:*) ;;
	*) return 0 ;;
	esac
	read -r uid gid < <(jq -r '.users[-1] // empty | "\(.uid) \(.gid)"' "$facts") || :
	user=$'unset\tuser'
	[ -z "${uid:-}" ] || user=$'set\tuser\t'$(name_of passwd "$uid"):$(name_of group "$gid")
	try_edits "$1" "$user"
	[ "$user" = $'unset\tuser' ] || ! cmp -s settings.yaml "$try/settings.yaml" || try_edits "$1" $'unset\tuser'
}

# What the tests would let be taken away from the settings, as a difference to what is there.
propose_settings() { # ID WRITE
	local id=$1 edits=() port
	facts=obj/learn/facts.json
	settings=$(settings_of "${here%/*}") || exit 2
	mapfile -t edits < <(jq -r '.mounts[]?.target, .tmpfs[]?.path' <<<"$settings" | sed 's/^/-m/')
	"$learn" facts -r obj/learn/root "${edits[@]}" obj/learn/run-*[0-9] >"$facts" || exit 2
	begin_trying
	say TRY "$name: its tests, with settings that allow less"
	if ! tests_pass_tried "$id" && ! pass_with_new_profile "$id"; then
		say TRY "$name: its tests don't pass a second time: no proposal; the log: $here/obj/learn.log"
		return 0
	fi
	mapfile -d '' -t edits < <(edits_of_limits)
	try_seccomp "$id"
	[ "$(jq .no_new_privileges <<<"$settings")" = true ] || try_edits "$id" $'set\tno_new_privileges\ttrue'
	[ "$(jq .read_only <<<"$settings")" = true ] || try_edits "$id" "$(edit_for_read_only)"
	try_user "$id"
	mapfile -d '' -t -O ${#edits[@]} edits < <(edits_of_rights)
	if [ "$(jq '.ports | length' <<<"$settings")" -eq 0 ]; then
		while IFS= read -r port; do
			edits+=($'add\tports\t'"$((${port%/*} < 1024 ? ${port%/*} + 8000 : ${port%/*})):$port")
		done < <(jq -r '.listens[]' "$facts")
	fi
	try_edits "$id" "${edits[@]}"
	note_learned "$id"
	say_untested_volumes
	if diff -u --label settings.yaml --label "settings.yaml (proposed)" settings.yaml "$try/settings.yaml" &&
		cmp -s seccomp.json "$try/seccomp.json" 2>/dev/null; then
		say PROPOSED "$name: nothing: its settings allow no more than its tests need"
	elif [ -n "$2" ]; then
		take_over "$id"
	else
		say PROPOSED "$name: the tests pass with the above$(said_of_profile); LEARN=--write takes it over"
	fi
}

# Data is there for a reason: that no test writes it says more about the tests.
say_untested_volumes() {
	local path
	while IFS= read -r path; do
		was_written "$path" || say UNTESTED "$name: mount_rw: $path: no test wrote there: is one missing, or would mount_ro do?"
	done < <(jq -r '.mounts[]? | select(.read_only | not) | .target' <<<"$settings")
}

said_of_profile() {
	[ ! -f "$try/seccomp.json" ] || cmp -s seccomp.json "$try/seccomp.json" 2>/dev/null ||
		echo " and a seccomp.json of $(jq '.syscalls[0].names | length' "$try/seccomp.json") system calls"
}

# For d audit: what the tests needed, to be compared with what is allowed.
note_learned() { # ID
	local file=$store/learned/$name.json
	mkdir -p "$store/learned"
	settings_of "${try%/*}:${here%/*}" >obj/learn/needed.json || exit 2
	jq -n --slurpfile facts "$facts" --slurpfile needed obj/learn/needed.json --arg image "$(image_id "$1")" \
		--arg peak "$(cat obj/learn/peak 2>/dev/null || :)" \
		'{image: $image, facts: $facts[0], needed: ($needed[0] | {caps, memory, pids, user, read_only, no_new_privileges,
			tmpfs: [.tmpfs[].path], writable: [.mounts[] | select(.read_only | not) | .target | select(. as $path | $facts[0].written | has($path))],
			ports: $facts[0].listens, seccomp: (.seccomp != null)}),
			memory_peak: ($peak | tonumber? // null)}' | write_stamp "$file"
}

# Both files, each whole; the tests once more with them in place, else what was there is back.
take_over() { # ID
	local file
	for file in settings.yaml seccomp.json; do
		rm -f "obj/learn/$file.before"
		[ ! -f "$file" ] || cp -p "$file" "obj/learn/$file.before"
	done
	for file in seccomp.json settings.yaml; do
		[ ! -f "$try/$file" ] || cmp -s "$try/$file" "$file" 2>/dev/null || {
			cp -p "$try/$file" "$file.new" && sync "$file.new" && mv "$file.new" "$file"
			say WROTE "$here/$file"
		}
	done
	tests_pass "$1" "${here%/*}" && return 0
	for file in seccomp.json settings.yaml; do
		if [ -f "obj/learn/$file.before" ]; then
			cp -p "obj/learn/$file.before" "$file.new" && mv "$file.new" "$file"
		else
			rm -f "$file"
		fi
	done
	printf 'image: %s: the tests fail with these settings in place: the old ones are back; the log: %s\n' "$name" "$here/obj/learn.log" >&2
	exit 1
}

# ---- what the tests vouch for ----

# The image, as :doubt, without what some of the list's lines, by number, stand for: it is
# forbidden there, so that nothing else that stays brings it along. Nor does that the image
# starts it: prep isn't told of the commands that name it.
doubtful_image() { # LINE...
	local before status=0 line path staged=obj/learn/context/files
	awk -v without=" $* " '{ print (index(without, " " NR " ") ? "!" : "") $0 }' keep >$staged/prep-keep
	cp obj/learn/starts $staged/prep.starts
	for line; do
		path=$(sed -n "${line}s/[[:blank:]]*#.*//p" keep)
		case $path in
		*/ | *'*'* | '') ;;
		*)
			NAME=${path##*/} awk '{ n = /^run / ? split($0, word, "[^-+.@_[:alnum:]]+") : 0; for (i = 1; i <= n; i++) if (word[i] == ENVIRON["NAME"]) next; print }' \
				$staged/prep.starts >$staged/prep.starts.new
			mv $staged/prep.starts.new $staged/prep.starts
			;;
		esac
	done
	before=$(own_id "$repo:doubt")
	hold_store
	engine_build >>obj/learn.log 2>&1 || status=$?
	[ "$status" -ne 0 ] || forget_image "$before" "$(own_id "$repo:doubt")"
	release_store
	return "$status"
}

tests_miss() { # LINE...: whether any test fails without these
	doubtful_image "$@" || return 0
	if [ -f settings.yaml ]; then
		! tests_pass "$(own_id "$repo:doubt")" "${here%/*}"
	else
		! TEST_IMAGE=$(own_id "$repo:doubt") TEST_NAME=$name "$top/tests/run" test.bats >>obj/learn.log 2>&1 {lock_fd}>&-
	fi
}

# Half of what isn't proven yet is left away at once; where no test misses it, none of it is
# needed. What is left away stays so for the tries to come.
doubt_lines() { # LINE...
	local half
	[ $# -gt 0 ] || return 0
	if ! tests_miss "${needless[@]}" "$@"; then
		needless+=("$@")
		return 0
	fi
	[ $# -gt 1 ] || return 0
	half=$(($# / 2))
	doubt_lines "${@:1:half}"
	doubt_lines "${@:half+1}"
}

# Files and bytes that a line stands for.
weight_of() { # LINE
	local path
	path=$(sed -n "${1}s/[[:blank:]].*//p" keep)
	[ -n "$path" ] || path=$(sed -n "${1}p" keep)
	path=$(printf '%b' "${path//\\/\\0}")
	path=${path%/\*\*}
	find "obj/learn/root${path%/}" -type f -printf '%s\n' 2>/dev/null | awk '{ n++; sum += $1 } END { print n + 0, sum + 0 }'
}

# For each line of the list the tests without it, and what of configuration no test asks for.
doubt() { # WRITE
	local lines=() needless=() line files bytes all_files=0 all_bytes=0 idle_files=0 idle_bytes=0 going=() named status=0
	[ -f keep ] || die "$here: no list 'keep' to doubt: run make learn first"
	runs_prep || die "$name: its Dockerfile doesn't run /prep, which does the carving"
	mapfile -t lines < <(awk '!/^[[:blank:]]*(#|!|$)/ { print NR }' keep)
	build_context=obj/learn/context build_tag=doubt
	import_packages
	stage_context "$build_context" keep
	stage_starts "$build_context"
	cp "$build_context/files/prep.starts" obj/learn/starts
	export BUILDAH_FORMAT=docker
	say DOUBT "$name: the tests without parts of what ${#lines[@]} lines keep"
	: >obj/learn.log
	! tests_miss || die "$name: the tests fail with all that is kept: see $here/obj/learn.log"
	export_image "$repo:doubt" obj/learn/root || exit 2
	doubt_lines "${lines[@]}"
	for line in "${lines[@]}"; do
		read -r files bytes < <(weight_of "$line")
		all_files=$((all_files + files)) all_bytes=$((all_bytes + bytes))
		case " ${needless[*]} " in
		*" $line "*)
			idle_files=$((idle_files + files)) idle_bytes=$((idle_bytes + bytes))
			say KEPT "$name: $(sed -n "${line}s/[[:blank:]]*#.*//p" keep): kept, but no test needs it ($(sed -n "${line}s/^[^#]*#[[:blank:]]*//p" keep))"
			# What a person or files/ put there is no matter of tests alone.
			! sed -n "${line}p" keep | grep -qE '# (executed|opened|listed|read as a link|looked at|written to) (by|at|in) ' || going+=("$line")
			;;
		esac
	done
	named=$("$learn" named -r obj/learn/root -l obj/learn/root/var/lib/whittle/ledger.jsonl) || status=$?
	case $status in
	0) ;;
	1) while IFS= read -r line; do say UNTESTED "$name: $line: carved away, not tested"; done <<<"$named" ;;
	*) exit 2 ;;
	esac
	say DOUBT "$name: tests vouch for $((${#lines[@]} - ${#needless[@]})) of ${#lines[@]} lines, $((all_files - idle_files)) of $all_files files, $((all_bytes - idle_bytes)) of $all_bytes bytes ($((all_bytes ? (all_bytes - idle_bytes) * 100 / all_bytes : 100)) %)"
	[ -n "$1" ] && [ ${#going[@]} -gt 0 ] || return 0
	awk -v without=" ${going[*]} " 'index(without, " " NR " ") == 0' keep | write_stamp keep
	say WROTE "$here/keep: without ${#going[@]} lines that no test needs"
}

# ---- the verb ----

learn() {
	local times=1 flags=() own=() write='' doubt='' id run status=0
	while [ $# -gt 0 ]; do
		case $1 in
		-n) times=${2:-} && shift ;;
		--forget) flags+=("$1") ;;
		--write) write=1 ;;
		--doubt) doubt=1 ;;
		*) die "learn: unknown option '$1'" ;;
		esac
		shift
	done
	[[ $times =~ ^[1-9][0-9]?$ ]] || die "learn: -n wants a number from 1 to 99, not '$times'"
	[ -f test.bats ] || die "$here: no test.bats: there is nothing to learn from"
	[ -x "$learn" ] || die "infra/learn/learn isn't built: run make -C $top/infra/learn"
	lock
	rm -rf obj/learn
	mkdir -p obj/learn
	chmod 700 obj/learn
	# shellcheck disable=SC2064 # the name as it is now
	trap "rm -rf '$here/obj/learn'; '$top/infra/engine' rmi '$repo:learn' '$repo:doubt' >/dev/null 2>&1 || :" EXIT
	# What was interrupted isn't a test that failed, nor a setting that it needs.
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	[ -z "$doubt" ] || {
		doubt "$write"
		return
	}
	uncarved_image
	id=$(own_id "$repo:learn")
	for ((run = 1; run <= times; run++)); do
		say LEARN "$name: run $run of $times"
		recorded_run "obj/learn/run-$run" "$id"
	done
	[ ! -d obj/learn/context/files ] || own=(--own obj/learn/context/files)
	if runs_prep; then
		"$learn" keep "${flags[@]}" "${own[@]}" -r obj/learn/root -k keep obj/learn/run-*[0-9] || status=$?
		[ "$status" -eq 0 ] || exit 2
		say LEARN "$name: $(grep -cvE '^(#|$)' keep) lines in $here/keep: read them, then make all test install"
	else
		say LEARN "$name: its Dockerfile doesn't run /prep, which does the carving: no list"
	fi
	[ ! -f settings.yaml ] || propose_settings "$id" "$write"
}

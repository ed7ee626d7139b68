# Root file systems to harden and to carve, in $tree, and what is asked of them after that.

TREE_PY=$BATS_TEST_DIRNAME/tests/tree.py

# Alpine's root file system, once for a file of tests.
keep_alpine() {
	[ "$(id -u)" -eq 0 ] || return 0
	local tar
	tar=$("$TOP/infra/fetch" alpine 2>/dev/null) || return 0
	mkdir "$BATS_FILE_TMPDIR/alpine"
	tar -xf "$tar" -C "$BATS_FILE_TMPDIR/alpine"
}

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	conf=$BATS_TEST_TMPDIR/prep.conf
	ledger=$BATS_TEST_TMPDIR/ledger.jsonl
	before=$BATS_TEST_TMPDIR/before
	: >"$conf"
}

teardown() {
	stop_all
	chattr -R -f -i "$BATS_TEST_TMPDIR" || :
}

# A copy of Alpine's root file system in $tree.
alpine() {
	requires root alpine
	rm -rf "$tree"
	cp -a --reflink=auto "$BATS_FILE_TMPDIR/alpine" "$tree"
}

# A copy of a small Debian, which is made once and kept.
debian() {
	requires root command:debootstrap
	local cached=$TOP/.cache/debian-tree
	mkdir -p "$TOP/.cache"
	(
		flock 9
		[ -d "$cached" ] && exit 0
		rm -rf "$cached.new"
		# from where the host itself has its packages
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
		debootstrap --variant=minbase "$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")" \
			"$cached.new" ${mirror:+"$mirror"} >"$BATS_TEST_TMPDIR/debootstrap.log" 2>&1 && mv "$cached.new" "$cached"
	) 9>"$TOP/.cache/debian-tree.lock" || skip "this machine cannot: debootstrap failed"
	cp -a --reflink=auto "$cached" "$tree"
}

# The smallest root file system that there is, for what needs no real one.
bare() {
	mkdir -p "$tree"/{bin,etc,sbin,usr/bin,tmp}
	echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
}

settings() {
	printf '%s\n' "$@" >"$conf"
}

# Hardens $tree; $before is what it was.
harden() {
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 0 "$PREP" -r "$tree" -c "$conf" -o "$ledger"
}

# What every hardened tree has to be: complete together with its ledger, clean, and left
# as it is by a second run.
is_sound() {
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	run_x 0 "$PREP" -a -r "$tree" -c "$conf"
	[ -z "$output" ]
	python3 "$TREE_PY" list "$tree" >"$before.hardened"
	cp "$ledger" "$ledger.once"
	run_x 0 "$PREP" -r "$tree" -c "$conf" -o "$ledger"
	expect "0 removed, 0 modes, 0 owners, 0 files edited"
	cmp "$ledger" "$ledger.once"
	run_x 0 python3 "$TREE_PY" same "$before.hardened" "$tree"
}

unchanged() {
	run_x 0 python3 "$TREE_PY" same "$before" "$tree"
}

gone() {
	local f
	for f; do
		if [ -e "$tree$f" ] || [ -L "$tree$f" ]; then
			echo "still there: $f" >&2
			return 1
		fi
	done
}

there() {
	local f
	for f; do
		[ -e "$tree$f" ] || [ -L "$tree$f" ] || {
			echo "gone: $f" >&2
			return 1
		}
	done
}

mode_of() {
	stat -c %a "$tree$1"
}

# Whether the ledger has a line for which a jq expression holds.
recorded() {
	jq -es "any(.[]; $1)" "$ledger" >/dev/null || {
		printf 'not in the ledger: %s\n' "$1" >&2
		return 1
	}
}

# A program that does nothing, in $tree.
program() {
	local f
	for f; do
		mkdir -p "$(dirname "$tree$f")"
		printf "#!/bin/false %s\n" "$f" >"$tree$f"
		chmod 755 "$tree$f"
	done
}

# What the host has of a program, at the same paths, in $tree.
take_program() { # PATH…
	local path lib
	for path; do
		mkdir -p "$tree${path%/*}"
		cp -a --parents "$(readlink -f "$path")" "$tree"
		[ -e "$tree$path" ] || ln -s "$(readlink -f "$path")" "$tree$path"
		for lib in $(ldd "$path" | grep -o '/[^ ]*'); do
			mkdir -p "$tree${lib%/*}"
			cp -L "$lib" "$tree$lib"
		done
	done
}

carve() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/keep"
	run_x 0 "$PREP" -r "$tree" -c "$conf" -k "$BATS_TEST_TMPDIR/keep" -o "$ledger"
}

# What is in the tree but directories, one a line.
left() {
	(cd "$tree" && find . ! -type d | sed 's/^\.//' | sort)
}

# Repositories by ssh: with a key, and with nothing else.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	file_requires command:git command:ssh command:ssh-keygen || return 0
	# The instance that make test has around it, by settings.yaml.
	export ID=${INSTANCE_NAME:?run by make test}
	export URL=ssh://git@127.0.0.1:$INSTANCE_PORT_2222/srv/git/notes.git
	for name in mine other; do
		ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/$name"
	done
	cp "$BATS_FILE_TMPDIR/mine.pub" "$INSTANCE_VOLUMES/keys/authorized_keys"
	chmod 644 "$INSTANCE_VOLUMES/keys/authorized_keys"
	run_in git init -q --bare -b main /srv/git/notes.git
}

# As the image's user, by an instance of its own on the same volume: also where engines can't
# join a container that runs.
run_in() {
	engine run --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
		-v "$INSTANCE_VOLUMES/repositories:/srv/git" --entrypoint "/usr/bin/$1" "$TEST_IMAGE" "${@:2}"
}

setup() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
	use mine
}

# use KEY SSH-ARGUMENT…: what git reaches the server with.
use() {
	export GIT_SSH_COMMAND="ssh -F none -i $BATS_FILE_TMPDIR/$1 -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
		-o UserKnownHostsFile=$BATS_FILE_TMPDIR/known -o StrictHostKeyChecking=accept-new ${*:2}"
}

ssh_to() { # ARGUMENT…
	$GIT_SSH_COMMAND -p "$INSTANCE_PORT_2222" git@127.0.0.1 "$@"
}

@test "push, clone, push again, pull: what comes is what went" {
	cd "$BATS_TEST_TMPDIR"
	git init -q -b main here
	head -c 3000000 /dev/urandom >here/large
	echo one >here/file
	git -C here add .
	git -C here commit -qm one
	run_x 0 git -C here push -q "$URL" main
	run_x 0 git clone -q "$URL" there
	cmp here/large there/large
	echo two >there/file
	git -C there commit -qam two
	run_x 0 git -C there push -q origin main
	run_x 0 git -C here pull -q "$URL" main
	[ "$(cat here/file)" = two ]
	run_x 0 git ls-remote "$URL" refs/heads/main
	[ "${output%%	*}" = "$(git -C there rev-parse main)" ]
	# Its history is whole, and a push that would lose some of it is refused.
	run_x 0 run_in git -C /srv/git/notes.git fsck --strict
	git -C here commit -q --amend -m other
	run ! git -C here push -q "$URL" main
}

@test "another key, a password or no key at all: no" {
	use other
	run_x 128 git ls-remote "$URL"
	expect "Permission denied (publickey)" "$stderr"
	use mine -o PubkeyAuthentication=no -o PreferredAuthentications=password,keyboard-interactive
	run_x 128 git ls-remote "$URL"
	expect "Permission denied (publickey)" "$stderr"
	for user in root www-data; do
		run_x 255 ssh -F none -i "$BATS_FILE_TMPDIR/mine" -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=/dev/null \
			-o StrictHostKeyChecking=no -p "$INSTANCE_PORT_2222" "$user@127.0.0.1" true
	done
}

@test "a key counts from the moment that it is in the file, and until it goes" {
	use other
	run_x 128 git ls-remote "$URL"
	cat "$BATS_FILE_TMPDIR/other.pub" >>"$INSTANCE_VOLUMES/keys/authorized_keys"
	run_x 0 git ls-remote "$URL"
	cp "$BATS_FILE_TMPDIR/mine.pub" "$INSTANCE_VOLUMES/keys/authorized_keys"
	run_x 128 git ls-remote "$URL"
}

@test "git's commands, and no others: no shell, no forwarding" {
	run ! ssh_to
	run ! ssh_to id
	refute uid=
	run ! ssh_to "git-upload-pack '/srv/git/notes.git'; id"
	refute uid=
	run ! ssh_to "git-upload-pack '/etc'"
	run ! ssh_to -o ExitOnForwardFailure=yes -W 127.0.0.1:2222
	refute SSH-
}

@test "the host's key is the same after a restart" {
	run_x 0 git ls-remote "$URL"
	run_x 0 engine restart -t 20 "$ID" 3>&- 4>&-
	use mine -o StrictHostKeyChecking=yes
	wait_until 20 git ls-remote "$URL"
}

@test "it runs as git, without root's rights anywhere" {
	[ "$(user_of "$ID")" = 990 ]
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	run_x 0 find "$BATS_TEST_TMPDIR/root" -type f -perm /6000 -print
	[ -z "$output" ]
	run_x 0 exec_in "$ID" /usr/bin/probe tcp:127.0.0.1:2222
}

@test "no shell is in it" {
	is_carved || skip "nothing is carved away yet"
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	run_x 0 find "$BATS_TEST_TMPDIR/root" -path '*bin/*sh' ! -name git-shell
	[ -z "$output" ] || {
		echo "$output"
		return 1
	}
}

load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

@test "layers: the upper one is seen and written, the lower one stays" {
	shows ./layers.sh
	expect $'$ ls merged\nbird\ncat\ndog\n$ cat merged/dog\ndog of the upper layer'
	expect $'$ cat upper/bird\nbird\nand another\n$ cat lower/bird\nbird\n'
	expect $'$ ls merged\nbird\ndog\nfish\nfolder\n'
	expect "merged/file: Read-only file system" "$stderr"
}

@test "layers: deleting leaves a mark, and a new folder doesn't show the old one's files" {
	shows ./layers.sh
	expect $'$ ls merged\ncat\n'
	expect $'upper/bird: character special file 0,0\nupper/dog: character special file 0,0\n$ ls lower\nbird\ndog\n'
	expect $'$ ls merged/folder\nnew\n$ ls lower/folder\nold\n'
}

@test "share: two containers on one layer don't see each other's changes" {
	shows ./share.sh
	expect "a was here"
	expect "cat: can't open '/etc/motd': No such file" "$stderr"
	expect "ls: /bin/vi: No such file" "$stderr"
	expect "/bin/vi -> /bin/busybox"
	expect "a/upper/etc/motd
b/upper
"
	expect "touch: /etc/motd: Read-only file system" "$stderr"
}

@test "content: same content same name, other content another, tampering is found" {
	shows ./content.sh
	[ "$(grep -cE '^[0-9a-f]{64}$' <<<"$output")" -eq 3 ]
	[[ $output =~ \ 2\ [0-9a-f]{64} ]]
	expect "contain root /bin/sh /run"$'\n'"hello"
	[ "$(grep -c ': OK$' <<<"$output")" -eq 2 ]
	[ "$(grep -c ': FAILED$' <<<"$output")" -eq 1 ]
}

@test "secret: what a layer deleted is in the image, and isn't once it is flat" {
	shows ./secret.sh
	expect "can't open '/etc/secret'" "$stderr"
	expect "tar -xOf 1-base.tar ./etc/secret"$'\n'"password: open sesame"
	expect "grep -c sesame'"$'\n1\n'
	expect "grep -c sesame flat.tar"$'\n0'
}

@test "the scripts leave nothing behind, interrupted or not" {
	leaves_nothing ./layers.sh "Two folders"
	leaves_nothing ./layers.sh "There may be many"
	leaves_nothing ./share.sh "On disk a container"
	leaves_nothing ./content.sh "Who changes a byte"
	leaves_nothing ./secret.sh "In the container it's gone"
}

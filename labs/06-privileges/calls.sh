#!/bin/sh
# A filter that stops one system call, and the ways around it.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root jail
cp "$HERE/filter" "$HERE/sneak" jail/bin/

say "Three ways to make a directory, if the processor is an x86-64:"
try contain jail /bin/sneak /tmp/directory

say "A filter that stops one call stops that call, also for children, also for root:"
try contain jail /bin/filter mkdirat /bin/sneak /tmp/directory
try contain jail /bin/filter mkdirat /bin/sh -c 'grep Seccomp: /proc/self/status'

if contain jail /bin/sneak /tmp/directory | grep -q 'int 0x80 *made it'; then
	say "Two calls stopped by their numbers. By the 32-bit door they have others:"
	try contain jail /bin/filter -n mkdir,mkdirat /bin/sneak /tmp/directory

	say "So a filter asks first by which door a call comes in:"
	refused contain jail /bin/filter mkdir,mkdirat /bin/sneak /tmp/directory
fi

say "Who lists what is forbidden forgets something. Better a list of what is needed:"
needed=execve,set_tid_address,brk,mmap,ioctl,write,writev,exit_group
[ "$(uname -m)" != x86_64 ] || needed=$needed,arch_prctl
refused contain jail /bin/filter -o $needed /bin/sneak /tmp/directory

#!/bin/sh
# Each limit, kept to and exceeded.
. "$(dirname "$0")/../lab.sh"
prepared

say "Where this host has its control groups:"
try limit -l

say "Memory. Without a limit 64 MB are there for the asking:"
try dd if=/dev/zero of=/dev/null bs=64M count=1

say "In a group with 32 MB the kernel kills who goes beyond them, and 16 MB are fine:"
refused limit -m 32M dd if=/dev/zero of=/dev/null bs=64M count=1
try limit -m 32M dd if=/dev/zero of=/dev/null bs=16M count=1

say "Processes. A dozen children are nothing special:"
# shellcheck disable=SC2016 # for the inner shell
dozen='all=; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & all="$all $!"; done; kill $all; echo a dozen'
try sh -c "$dozen"

say "In a group with 10 processes there is no twelfth child, nor a fork bomb:"
refused limit -p 10 sh -c "$dozen"
try limit -p 30 sh -c "$dozen"

say "Processor time. What exceeds its share isn't killed, it waits for the next tenth of a second:"
busy='timeout 1 sh -c "while :; do :; done"; echo "a second is over"'
try limit -c 2 sh -c "$busy"

say "All three at once:"
try limit -m 32M -p 10 -c 50 sh -c 'echo contained'

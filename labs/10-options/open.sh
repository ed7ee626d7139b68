#!/bin/sh
# The same service in a container of lab 3, and nothing said about any of the six.
. "$(dirname "$0")/../lab.sh"
. "$HERE/common.sh"
private_host "$@"

make_root jail
make_data
mkdir jail/data
mount --bind data jail/data

contain jail /bin/httpd -f -p 80 -h /data &
eventually pgrep -P $!
pid=$(pgrep -P $!)

say "Nobody gets to it, without a port:"
refused wget -q -O - http://127.0.0.1/

say "But what is in there may do what it likes:"
nsenter -t "$pid" -n ip link set lo up
eventually nsenter -t "$pid" -n wget -q -O - http://127.0.0.1/
try nsenter -t "$pid" -n wget -q -O - http://127.0.0.1/cgi-bin/try
echo
try ls data
look "$pid" 2>/dev/null | grep -v -e memory -e cpu

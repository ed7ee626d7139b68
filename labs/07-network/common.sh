# shellcheck shell=sh
# What both scripts do: hosts and containers with a network, as engines make it.

# BusyBox's ip makes no veth pairs.
ip() {
	host ip "$@"
}

# container NAME: starts one that does nothing yet, with a network that isn't connected
# to anything. Its process is $NAME.
container() {
	make_root "$1"
	echo "page of $1" >"$1/index.html"
	contain "$1" /bin/sleep 1000000 &
	eventually pgrep -P $!
	eval "$1=$(pgrep -P $!)"
	# It's contained once its root is its own.
	eval "eventually [ /proc/\$$1/root/index.html -ef $1/index.html ]"
}

# cable PROCESS ADDRESS INTERFACE: a pair of interfaces, one here, one there as eth0.
cable() {
	try ip link add "$3" type veth peer name eth0 netns "$1"
	try nsenter -t "$1" -n ip address add "$2" dev eth0
	try nsenter -t "$1" -n ip link set eth0 up
	try ip link set "$3" up
}

# fetch ADDRESS: a page, or nothing within two seconds.
fetch() {
	wget -q -T 2 -O - "http://$1/"
}

# From the C library's list of system calls: the table of their names by number.
$1 == "#define" && $2 ~ /^__NR_/ && $3 ~ /^[0-9]+$/ {
	print "[" $3 "] = \"" substr($2, 6) "\","
}

#!/usr/bin/env bats
# prep's rule carve: what a list of kept files keeps, what that brings along, and what goes.

load ../../tests/helpers
load tests/trees

setup_file() {
	keep_alpine
}

@test "carve: what the list names stays with what that needs, all else goes, with a line each" {
	bare
	take_program /bin/dash /bin/cat /bin/ls
	printf '#!/bin/dash\nif true; then cat "$1"; fi\n' >"$tree/usr/bin/show"
	chmod 755 "$tree/usr/bin/show"
	ln -s show "$tree/usr/bin/other-name"
	mkdir -p "$tree/srv/site" "$tree/srv/other"
	echo 1 >"$tree/srv/site/a.html" && echo 2 >"$tree/srv/site/b.txt" && echo 3 >"$tree/srv/other/c"
	carve '# tests: 12' '/usr/bin/other-name # executed in '"'it shows'" '/srv/**' '!/srv/site/*.txt' '/none # seen once'
	expect "keep:5: nothing in the tree is '/none'" "$stderr"
	[ -f "$tree/srv/site/a.html" ] && [ ! -e "$tree/srv/site/b.txt" ] && [ -f "$tree/srv/other/c" ]
	[ ! -e "$tree/bin/ls" ] && [ ! -e "$tree/usr/bin/ls" ]
	run_x 0 chroot "$tree" /usr/bin/other-name /srv/other/c
	[ "$output" = 3 ]
	grep -q '"action":"carve","path":"/","rule":"carve","tests":12' "$ledger"
	grep -q '"action":"remove","path":"[^"]*/ls","rule":"carve"' "$ledger"
	grep -q '"action":"keep","path":"/usr/bin/show","rule":"carve","why":"where the link /usr/bin/other-name leads"' "$ledger"
	grep -q '"path":"[^"]*/dash","rule":"carve","why":"interpreter of /usr/bin/show"' "$ledger"
	grep -q '"path":"[^"]*/cat","rule":"carve","why":"named by the script /usr/bin/show"' "$ledger"
	grep -q '"path":"[^"]*/libc.so.6","rule":"carve","why":"library of ' "$ledger"
	# Once more: nothing is left to do.
	left >"$before"
	: >"$ledger"
	carve '/usr/bin/other-name' '/srv/**'
	expect "0 removed"
	[ "$(left)" = "$(cat "$before")" ]
}

@test "carve: every program of a Debian finds its libraries, and the loader's own list says the same" {
	debian
	echo "SBIN_DONT_DELETE_REGEX=." >"$conf"
	carve '/usr/bin/*' '/bin/*'
	local p n=0
	for p in "$tree"/usr/bin/* "$tree"/bin/*; do
		[ -f "$p" ] && [ ! -L "$p" ] && [ "$(head -c 4 "$p" | tail -c 3)" = ELF ] || continue
		run chroot "$tree" /lib64/ld-linux-x86-64.so.2 --list "${p#"$tree"}"
		refute "not found"
		n=$((n + 1))
	done
	[ "$n" -gt 50 ]
	# And no library that none of them is linked with, but for those that files name.
	for p in "$tree"/usr/lib/*-linux-*/*.so*; do
		[ ! -L "$p" ] && [ -f "$p" ] || continue
		grep -q "\"path\":\"${p#"$tree"}\",\"rule\":\"carve\",\"why\":\"\(library of\|loader of\|where the link\|family\)" "$ledger"
	done
}

@test "carve: a list with a mistake changes nothing, and says which line" {
	bare
	local line
	while IFS='|' read -r line words; do
		printf '# fine\n%b\n' "$line" >"$BATS_TEST_TMPDIR/keep"
		run_x 2 "$PREP" -r "$tree" -k "$BATS_TEST_TMPDIR/keep"
		expect "keep:2: $words" "$stderr"
	done <<-'EOT'
		etc/passwd|the path must begin with '/'
		/a/../etc/passwd|the path must not contain '..'
		/a/**/b|'**' is allowed only at the end
		/a\\9|a backslash must be followed by three octal digits
		/a\\000|a file name can't contain that byte
		/a b|after the path only '#' and a reason may follow
		/**|this is the whole tree
		!/**|this is the whole tree
	EOT
	[ -x "$tree/bin/sh" ] || [ -e "$tree/etc/passwd" ]
	run_x 2 "$PREP" -r "$tree" -k "$BATS_TEST_TMPDIR/none"
	expect "open '$BATS_TEST_TMPDIR/none'" "$stderr"
}

@test "carve: names of any bytes, links out of the root and in circles, files that look like programs" {
	bare
	mkdir -p "$tree/srv"
	local odd=$'a b#c\\*\xff\x01'
	echo 1 >"$tree/srv/$odd"
	echo 2 >"$tree/srv/$odd-not"
	ln -s ../../../../etc/passwd "$tree/srv/out"
	ln -s circle "$tree/srv/circle"
	ln -s /srv/gone/x "$tree/srv/dangling"
	printf '\177ELF' >"$tree/srv/short" && printf '\177ELF%01000d' 0 >"$tree/srv/zeros" && printf '#!' >"$tree/srv/empty"
	cp "$tree/srv/zeros" "$tree/etc/ld.so.cache"
	carve '/srv/a\040b\043c??\377\001 # odd' '/srv/out' '/srv/circle' '/srv/dangling' '/srv/short' '/srv/zeros' '/srv/empty'
	[ -f "$tree/srv/$odd" ] && [ ! -e "$tree/srv/$odd-not" ]
	[ -L "$tree/srv/out" ] && [ -f "$tree/etc/passwd" ]
	[ -f "$tree/srv/short" ] && [ -f "$tree/srv/zeros" ] && [ -f "$tree/srv/empty" ]
}

@test "carve: families: a locale, PAM's modules, a Python package, a module that nginx's files name" {
	bare
	local lib=$tree/usr/lib/x86_64-linux-gnu py=$tree/usr/lib/python3/dist-packages
	mkdir -p "$lib/security" "$tree/etc/pam.d" "$py"/{web/inner,other,Web-1.0.dist-info} "$tree"/etc/nginx "$tree"/usr/lib/nginx/modules \
		"$tree"/usr/share/nginx/modules "$tree/usr/lib/locale/C.utf8"
	printf 'auth required pam_unix.so\n# session optional pam_not.so\n@include common-auth\n' >"$tree/etc/pam.d/service"
	printf 'auth required pam_deny.so\n' >"$tree/etc/pam.d/common-auth"
	touch "$lib"/security/pam_{unix,deny,not}.so "$py"/{web/{app,inner/x},other/y}.py "$py/Web-1.0.dist-info/METADATA" \
		"$tree"/usr/lib/locale/C.utf8/LC_{CTYPE,TIME}
	ln -s /usr/lib/nginx/modules/m.so "$tree/usr/share/nginx/modules/m.so"
	touch "$tree"/usr/lib/nginx/modules/{m,n}.so
	echo 'load_module modules/m.so; # load_module modules/n.so;' >"$tree/etc/nginx/nginx.conf"
	carve /etc/pam.d/service /usr/lib/python3/dist-packages/web/app.py /etc/nginx/nginx.conf /usr/lib/locale/C.utf8/LC_CTYPE
	run left
	local path
	for path in "${lib#"$tree"}"/security/pam_{unix,deny}.so /usr/lib/python3/dist-packages/{web/app.py,web/inner/x.py,Web-1.0.dist-info/METADATA} \
		/usr/share/nginx/modules/m.so /usr/lib/nginx/modules/m.so /usr/lib/locale/C.utf8/LC_TIME; do
		expect "$path"
	done
	refute pam_not.so
	refute other/y.py
	refute modules/n.so
}

# The files of the host's own packages, in $tree.
take_packages() { # PACKAGE…
	local package file
	for package; do
		dpkg -L "$package" >"$BATS_TEST_TMPDIR/list" 2>/dev/null || skip "this machine cannot: it has no Debian package $package"
		while IFS= read -r file; do
			[ -f "$file" ] || [ -L "$file" ] || continue
			file=$(readlink -f "${file%/*}")/${file##*/}
			mkdir -p "$tree${file%/*}"
			cp -a "$file" "$tree$file"
		done <"$BATS_TEST_TMPDIR/list"
		mkdir -p "$tree/var/lib/dpkg/info"
		cp /var/lib/dpkg/info/"$package"{,:*}.list "$tree/var/lib/dpkg/info/" 2>/dev/null || :
	done
}

@test "carve: families: Perl's modules come with what they are made of, Debian's with their package" {
	requires root
	bare
	perl=$(perl -MConfig -e 'print $Config{version} =~ s/\.\d+$//r')
	take_packages perl-base "perl-modules-$perl" "libperl$perl" liberror-perl
	take_program /usr/bin/perl
	mkdir -p "$tree/usr/share/perl5/Mine/Part"
	echo 'package Mine; 1;' >"$tree/usr/share/perl5/Mine.pm"
	touch "$tree/usr/share/perl5/Mine/Part/Deep.pm" "$tree/usr/share/perl5/Other.pm"
	# What is loaded, without what is compiled for it.
	mapfile -t loaded < <(perl -MPOSIX=floor -MError -e 'print "$_\n" for values %INC')
	carve /usr/bin/perl /usr/share/perl5/Mine.pm "${loaded[@]}"
	mkdir -p "$tree/dev" && touch "$tree/dev/null" # perl opens it
	run_x 0 chroot "$tree" /usr/bin/perl -MPOSIX=floor -MError -MMine -e 'print floor(2.7), "\n"'
	[ "$output" = 2 ]
	there /usr/share/perl5/Error/Simple.pm /usr/share/perl5/Mine/Part/Deep.pm
	gone /usr/share/perl5/Other.pm "/usr/share/perl/$perl/CPAN.pm"
	recorded '.path == "/usr/share/perl5/Error/Simple.pm" and .why == "family perl: module of /usr/share/perl5/Error.pm"'
}

@test "carve: families: a Debian's character sets, terminals, time zones, PAM services, accounts' lookup" {
	debian
	lib=$(cd "$tree/usr/lib" && echo ./*-linux-gnu)
	lib=/usr/lib/${lib#./}
	settings "SBIN_DONT_DELETE_REGEX=." "ACCOUNTS_DONT_DELETE_REGEX=."
	cp -a "$tree" "$tree.plain"
	zone=$(readlink -f "$tree.plain/usr/share/zoneinfo/Europe/Berlin") && zone=${zone#"$tree.plain"}
	carve /usr/bin/iconv "$lib/gconv/ISO8859-1.so" /usr/bin/tput "/usr/lib/terminfo/x/xterm" /etc/pam.d/login \
		/usr/bin/date "$zone" /usr/bin/getent
	printf 'a\344' >"$tree/tmp/latin"
	run_x 0 chroot "$tree" /usr/bin/iconv -f LATIN1 -t UTF-16BE /tmp/latin
	# Of the gconv modules all, of the zones the one alone.
	there "$lib/gconv/EUC-JP.so" "$zone"
	gone /usr/share/zoneinfo/Asia/Tokyo
	run_x 0 env -i TERM=vt220 "$(command -v chroot)" "$tree" /usr/bin/tput cols
	there /usr/lib/terminfo/l/linux
	gone /usr/lib/terminfo/h/hurd
	run_x 0 chroot "$tree" /usr/bin/getent passwd root
	local module
	for module in $(cat "$tree.plain"/etc/pam.d/{login,common-*} | sed 's/#.*//' | grep -o 'pam_[a-z0-9_]*\.so' | sort -u); do
		[ ! -e "$tree.plain$lib/security/$module" ] || there "$lib/security/$module"
	done
	there /etc/pam.d/common-auth /etc/security/limits.conf "$lib/security/pam_unix.so"
	gone "$lib/security/pam_ftp.so" /etc/pam.d/chfn
	# Who reads the list of zones takes any.
	rm -rf "$tree" && mv "$tree.plain" "$tree"
	: >"$ledger"
	carve /usr/bin/date /usr/share/zoneinfo/zone1970.tab
	there /usr/share/zoneinfo/Asia/Tokyo
	run_x 0 env -i TZ=Asia/Tokyo "$(command -v chroot)" "$tree" /usr/bin/date -d @0 +%H
	[ "$output" = 09 ]
}

@test "carve: families: libmagic's data come with it" {
	requires root
	bare
	take_packages file libmagic1 libmagic-mgc
	take_program /usr/bin/file
	carve /usr/bin/file
	echo '<?xml version="1.0"?>' >"$tree/tmp/x"
	run_x 0 chroot "$tree" /usr/bin/file -b /tmp/x
	expect XML
}

# layout FILE[=TEXT]…: files in $tree.
layout() {
	local one
	for one; do
		mkdir -p "$tree$(dirname "${one%%=*}")"
		case $one in
		*=*) printf '%b' "${one#*=}" >"$tree${one%%=*}" ;;
		*) : >"$tree$one" ;;
		esac
	done
}

without_text() {
	printf '%s\n' "$1" | sed "s/='[^']*'//g"
}

# One case a line: what there is; what the list names; what stays besides; what goes.
@test "carve: families: Ruby, PHP, Java, Node, Apache, PostgreSQL, ICU, OpenSSL, each by how its packages lie" {
	local what there listed stays goes
	while IFS='|' read -r what there listed stays goes; do
		echo "# $what"
		rm -rf "$tree" "$ledger"
		bare
		eval "layout $there $listed $stays $goes"
		eval "carve $(without_text "$listed")"
		eval "there $(without_text "$listed $stays")"
		eval "gone $goes"
	done <<-'EOT'
		a gem|/var/lib/gems/3.3.0/specifications/other-2.gemspec|/var/lib/gems/3.3.0/gems/web-1.0/lib/web.rb|/var/lib/gems/3.3.0/gems/web-1.0/lib/web/part.rb /var/lib/gems/3.3.0/specifications/web-1.0.gemspec|/var/lib/gems/3.3.0/gems/other-2/lib/other.rb
		Debian's own gem|/usr/share/doc/x|/usr/share/rubygems-integration/all/gems/rack-3/lib/rack.rb|/usr/share/rubygems-integration/all/gems/rack-3/lib/rack/a.rb /usr/share/rubygems-integration/all/specifications/rack-3.gemspec|/usr/share/rubygems-integration/all/gems/b-1/lib/b.rb
		Ruby's library|/usr/share/doc/x|/usr/lib/ruby/3.3.0/json.rb|/usr/lib/ruby/3.3.0/json/common.rb|/usr/lib/ruby/3.3.0/csv.rb /usr/lib/ruby/3.3.0/csv/row.rb
		Ruby's encodings|/usr/share/doc/x|/usr/lib/x86_64-linux-gnu/ruby/3.3.0/enc/encdb.so|/usr/lib/x86_64-linux-gnu/ruby/3.3.0/enc/trans/transdb.so|/usr/lib/x86_64-linux-gnu/ruby/3.3.0/socket.so
		a Debian package of Ruby|/var/lib/dpkg/info/ruby-mail.list='/.\n/usr/lib/ruby/vendor_ruby/mail.rb\n/usr/lib/ruby/vendor_ruby/net/mail-ext.rb\n'|/usr/lib/ruby/vendor_ruby/mail.rb|/usr/lib/ruby/vendor_ruby/mail/a.rb /usr/lib/ruby/vendor_ruby/net/mail-ext.rb|/usr/lib/ruby/vendor_ruby/net/other.rb
		extensions of PHP|/usr/share/doc/x|/etc/php/8.4/fpm/conf.d/20-x.ini='; extension=no\nextension=mysqli.so\nzend_extension="opcache"\nmemory_limit=1\n'|/usr/lib/php/20240924/mysqli.so /usr/lib/php/20240924/opcache.so|/usr/lib/php/20240924/no.so /usr/lib/php/20240924/extension.so
		a Debian package of PHP|/var/lib/dpkg/info/php-twig.list='/.\n/usr/share/php/Twig/A.php\n/usr/share/php/Twig/B.php\n'|/usr/share/php/Twig/A.php|/usr/share/php/Twig/B.php|/usr/share/php/Mail/C.php
		a package of Composer's|/usr/share/doc/x|/srv/app/vendor/acme/web/src/A.php|/srv/app/vendor/acme/web/data/words.json|/srv/app/vendor/acme/other/B.php
		Java|/etc/java-21-openjdk/security/java.policy|/usr/lib/jvm/java-21-openjdk-amd64/lib/server/libjvm.so|/usr/lib/jvm/java-21-openjdk-amd64/lib/modules /etc/java-21-openjdk/net.properties /usr/lib/jvm/java-21-openjdk-amd64/conf/security/java.security|/usr/lib/jvm/java-17-openjdk-amd64/lib/modules
		a package of Node's|/usr/share/doc/x|/srv/node_modules/@acme/web/index.js|/srv/node_modules/@acme/web/lib/data.json|/srv/node_modules/@acme/other/index.js
		Debian's package of Node's|/usr/share/doc/x|/usr/share/nodejs/ws/index.js|/usr/share/nodejs/ws/lib/sender.js|/usr/share/nodejs/acorn/index.js
		Apache|/usr/share/doc/x|/etc/apache2/mods-enabled/ssl.load='# LoadModule no_module /usr/lib/apache2/modules/mod_no.so\nLoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n'|/usr/lib/apache2/modules/mod_ssl.so|/usr/lib/apache2/modules/mod_no.so
		ICU|/usr/share/doc/x|/usr/lib/libicuuc.so.74|/usr/share/icu/74.1/icudt74l.dat|/usr/share/icu/74.1/LICENSE
		OpenSSL|/etc/ssl/openssl.cnf='[providers]\nlegacy = legacy_sect\n# fips = fips_sect\n'|/usr/lib/x86_64-linux-gnu/libcrypto.so.3|/usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so|/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so
		PostgreSQL|/usr/share/doc/x|/usr/lib/postgresql/17/bin/postgres|/usr/lib/postgresql/17/lib/plpgsql.so /usr/share/postgresql/17/extension/plpgsql.control /usr/share/zoneinfo/Asia/Tokyo|/usr/lib/postgresql/17/lib/llvmjit.so /usr/lib/postgresql/17/lib/sepgsql.so /usr/share/zoneinfo/right/Asia/Tokyo
		Python's zones|/usr/share/zoneinfo/right/Asia/Tokyo|/usr/lib/python3.13/zoneinfo/_common.py|/usr/share/zoneinfo/Asia/Tokyo|/usr/share/zoneinfo/posix/Asia/Tokyo
		Ruby's zones|/usr/share/doc/x|/usr/share/rubygems-integration/all/gems/tzinfo-2.0.6/lib/tzinfo/data_source.rb|/usr/share/zoneinfo/Asia/Tokyo|/usr/share/zoneinfo/right/Asia/Tokyo
		certificates|/usr/share/doc/x|/etc/ssl/certs/1a2b3c4d.0|/etc/ssl/certs/Root_CA.pem|/etc/ssl/private/key
	EOT
}

@test "carve: what a shell has within itself isn't kept for a script that the image starts" {
	bare
	program '/usr/bin/[' /usr/bin/test /usr/bin/printf /usr/bin/serverd /bin/sh
	layout "/usr/sbin/entry=#!/bin/sh\\n[ -d /data ] && printf x\\nexec serverd\\n"
	chmod 755 "$tree/usr/sbin/entry"
	printf "run entry\\nrun test -f /x\\n" >"$BATS_TEST_TMPDIR/starts"
	echo /etc/passwd >"$BATS_TEST_TMPDIR/keep"
	run_x 0 "$PREP" -r "$tree" -c "$conf" -k "$BATS_TEST_TMPDIR/keep" -s "$BATS_TEST_TMPDIR/starts" -o "$ledger"
	# What a health check runs without a shell is a program all the same.
	there /usr/sbin/entry /usr/bin/serverd /usr/bin/test /bin/sh
	gone '/usr/bin/[' /usr/bin/printf
}

@test "carve: a program of a Node package, and who starts it, stay only where they are listed" {
	bare
	program /usr/bin/env
	layout "/srv/node_modules/a/index.js" "/srv/node_modules/a/bin/tool=#!/usr/bin/env node\\n" "/srv/node_modules/a/bin/data.json"
	chmod 755 "$tree/srv/node_modules/a/bin/tool"
	cp -a "$tree" "$tree.plain"
	carve /srv/node_modules/a/index.js
	there /srv/node_modules/a/bin/data.json
	gone /srv/node_modules/a/bin/tool /usr/bin/env
	rm -rf "$tree" && mv "$tree.plain" "$tree"
	: >"$ledger"
	carve /srv/node_modules/a/bin/tool
	there /srv/node_modules/a/index.js /usr/bin/env
}

@test "carve: the interpreter of a script that can be started stays, that of a library's file goes" {
	bare
	program /usr/bin/env
	layout "/srv/lib.rb=#!/usr/bin/env ruby\\nmodule Lib; end\\n" "/srv/tool=#!/usr/bin/env ruby\\nrequire 'lib'\\n"
	cp -a "$tree" "$tree.plain"
	carve '/srv/**'
	there /srv/lib.rb /srv/tool
	gone /usr/bin/env
	rm -rf "$tree" && mv "$tree.plain" "$tree"
	chmod 755 "$tree/srv/tool"
	: >"$ledger"
	carve '/srv/**'
	there /srv/lib.rb /srv/tool /usr/bin/env
}

@test "carve: of Alpine's BusyBox the applets stay whose names do, and those that kept scripts name" {
	alpine
	cp "$tree/bin/busybox" "$BATS_TEST_TMPDIR/whole"
	layout "/srv/start=#!/bin/sh\\nls /srv | wc -l\\nbusybox tac /srv/lines\\n" "/srv/lines=a\\nb\\n"
	chmod 755 "$tree/srv/start"
	carve /srv/start /srv/lines /bin/cat
	there /bin/sh /bin/cat /bin/ls /usr/bin/wc
	gone /usr/bin/nc /usr/bin/wget /bin/tar
	[ "$(chroot "$tree" /srv/start)" = $'2\nb\na' ]
	[ "$(chroot "$tree" /bin/cat /srv/lines)" = $'a\nb' ]
	run_x 127 chroot "$tree" /bin/busybox nc
	expect "applet not found" "$output$stderr"
	recorded '.action == "cut" and .path == "/bin/busybox" and any(.applets[]; . == "wget")'
	[ "$(stat -c %s "$tree/bin/busybox")" -le "$(stat -c %s "$BATS_TEST_TMPDIR/whole")" ]
	# Once more: nothing is left to do.
	cp "$tree/bin/busybox" "$BATS_TEST_TMPDIR/cut"
	: >"$ledger"
	carve /srv/start /srv/lines /bin/cat
	cmp "$tree/bin/busybox" "$BATS_TEST_TMPDIR/cut"
}

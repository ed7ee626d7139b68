#include "applets_names.h"

#include <string.h>

static const char *const groups[NAME_GROUPS][6] = {
    {"[", "[[", "test"},
    {"bunzip2", "bzcat"},
    {"dos2unix", "unix2dos"},
    {"egrep", "fgrep", "grep"},
    {"expand", "unexpand"},
    {"ftpget", "ftpput"},
    {"gunzip", "zcat"},
    {"halt", "poweroff", "reboot"},
    {"ifdown", "ifup"},
    {"lpq", "lpr"},
    {"lzcat", "lzma", "unlzma"},
    {"md5sum", "sha1sum", "sha256sum", "sha3sum", "sha512sum"},
    {"mkdosfs", "mkfs.vfat"},
    {"mke2fs", "mkfs.ext2"},
    {"pgrep", "pkill"},
    {"swapoff", "swapon"},
    {"unxz", "xz", "xzcat"},
};

static const char known[] =
    " [ [[ acpid add-shell addgroup adduser adjtimex ar arch arp arping ascii ash awk "
    "base32 base64 basename bash bbconfig bc beep blkdiscard blkid blockdev bootchartd "
    "brctl bunzip2 busybox bzcat bzip2 cal cat chat chattr chcon chgrp chmod chown "
    "chpasswd chpst chroot chrt chvt cksum clear cmp comm conspy cp cpio crc32 crond "
    "crontab cryptpw cttyhack cut date dc dd deallocvt delgroup deluser depmod devfsd "
    "devmem df dhcprelay diff dirname dmesg dnsd dnsdomainname dos2unix dpkg dpkg-deb du "
    "dumpkmap dumpleases e2label echo ed egrep eject env envdir envuidgid ether-wake "
    "expand expr factor fakeidentd fallocate false fatattr fbset fbsplash fdflush "
    "fdformat fdisk fgconsole fgrep find findfs flash_eraseall flash_lock flash_unlock "
    "flashcp flock fold free freeramdisk fsck fsck.minix fsfreeze fstrim fsync ftpd "
    "ftpget ftpput fuser getenforce getfattr getopt getsebool getty grep groups gunzip "
    "gzip halt hd hdparm head hexdump hexedit hostid hostname httpd hush hwclock "
    "i2cdetect i2cdump i2cget i2cset i2ctransfer id ifconfig ifdown ifenslave ifplugd "
    "ifup inetd init inotifyd insmod install ionice iostat ip ipaddr ipcalc ipcrm ipcs "
    "iplink ipneigh iproute iprule iptunnel kbd_mode kill killall killall5 klogd last "
    "less link linux32 linux64 linuxrc ln load_policy loadfont loadkmap logger login "
    "logname logread losetup lpd lpq lpr ls lsattr lsmod lsof lspci lsscsi lsusb lzcat "
    "lzma lzop lzopcat makedevs makemime man matchpathcon md5sum mdev mesg microcom mim "
    "minips mkdir mkdosfs mke2fs mkfifo mkfs.ext2 mkfs.minix mkfs.reiser mkfs.vfat mknod "
    "mkpasswd mkswap mktemp modinfo modprobe more mount mountpoint mpstat mt mv nameif "
    "nanddump nandwrite nbd-client nc netcat netstat nice nl nmeter nohup nologin nproc "
    "nsenter nslookup ntpd nuke od openvt partprobe passwd paste patch pgrep pidof ping "
    "ping6 pipe_progress pivot_root pkill pmap popmaildir poweroff powertop printenv "
    "printf ps pscan pstree pwd pwdx raidautorun rdate rdev readahead readlink "
    "readprofile realpath reboot reformime remove-shell renice reset resize restorecon "
    "resume rev rfkill rm rmdir rmmod route rpm rpm2cpio rtcwake run-init run-parts "
    "runcon runlevel runsv runsvdir rx script scriptreplay sed seedrng selinuxenabled "
    "sendmail seq sestatus setarch setconsole setenforce setfattr setfiles setfont "
    "setkeycodes setlogcons setpriv setsebool setserial setsid setuidgid sh sha1sum "
    "sha256sum sha3sum sha512sum showkey shred shuf slattach sleep smemcap softlimit sort "
    "split ssl_client start-stop-daemon stat strings stty su sulogin sum sv svc svlogd "
    "svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tc tcpsvd "
    "tee telnet telnetd test tftp tftpd time timeout top touch tr traceroute traceroute6 "
    "tree true truncate ts tsort tty ttysize tunctl tune2fs ubiattach ubidetach ubimkvol "
    "ubirename ubirmvol ubirsvol ubiupdatevol udhcpc udhcpc6 udhcpd udpsvd uevent umount "
    "uname uncompress unexpand uniq unit unix2dos unlink unlzma unlzop unshare unxz unzip "
    "uptime users usleep uudecode uuencode vconfig vi vlock volname w wall watch watchdog "
    "wc wget which who whoami whois xargs xxd xz xzcat yes zcat zcip ";

static int
is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '-' || c == '.' || c == '+' || c == '[';
}

enum name_kind
name_kind(const char *s, size_t len)
{
	size_t stem = len;

	if (len == 0 || len > LONGEST_NAME)
		return NO_NAME;
	while (stem > 0 && s[stem - 1] == '/')
		stem--;
	for (size_t i = 0; i < stem; i++)
		if (stem == len ? !is_name_byte(s[i])
				: s[i] <= ' ' || s[i] > '~' || s[i] == '/')
			return NO_NAME;
	return stem < len ? CUT_NAME : NAME;
}

int
name_group(const char *name)
{
	for (int g = 0; g < NAME_GROUPS; g++)
		for (size_t i = 0; groups[g][i]; i++)
			if (strcmp(groups[g][i], name) == 0)
				return g;
	return -1;
}

int
name_is_known(const char *name)
{
	size_t len = strlen(name);

	for (const char *p = known; (p = strstr(p, name)) != NULL; p++)
		if (p > known && p[-1] == ' ' && p[len] == ' ')
			return 1;
	return 0;
}

size_t
name_parts(size_t count)
{
	return count >= 128 ? 8 : count >= 32 ? 4 : 1;
}

size_t
name_part_start(size_t count, size_t part)
{
	return part * count / name_parts(count);
}

long
name_look_up(const char *const *names, size_t count, const char *name, int bounded)
{
	size_t part = name_parts(count) - 1, end = count;

	while (part > 0 && strcmp(name, names[name_part_start(count, part)]) < 0)
		part--;
	if (bounded)
		end = name_part_start(count, part + 1);
	for (size_t i = name_part_start(count, part); i < end; i++) {
		int order = strcmp(names[i], name);

		if (order == 0)
			return (long)i;
		if (order > 0 && !bounded)
			break;
	}
	return -1;
}

/* The longest start of the name before does it, filled up with slashes; or, where that has
 * no room, a start with its last byte raised. */
int
name_between(const char *before, const char *after, char *out, size_t len)
{
	size_t longest = strlen(before) < len ? strlen(before) : len - 1;

	for (size_t n = 2 * longest + 2; n-- > 0;) {
		size_t stem = n / 2;
		int raised = n % 2 == 0 && stem > 0;

		memset(out, '/', len);
		memcpy(out, before, stem);
		out[len] = '\0';
		if (raised)
			out[stem - 1]++;
		if (strcmp(out, before) > 0 && (!after || strcmp(out, after) < 0) &&
		    name_kind(out, len) == CUT_NAME)
			return 0;
	}
	return -1;
}

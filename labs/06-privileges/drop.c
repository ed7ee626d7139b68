/*
 * drop - run a command without capabilities
 *
 *   drop [-k NAME[,NAME]...] COMMAND [ARG]...
 *
 *   -k NAME  keep this one, as net_bind_service
 *
 * Root is root because execve(2) gives user 0 every capability in the bounding set. So
 * what must go for good goes out of that set, not just out of the process.
 */
#include <err.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In the order of their numbers, see capabilities(7). */
static const char *const names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

static uint64_t
parse(char *list)
{
	uint64_t set = 0;

	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], name) != 0)
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			errx(2, "no capability '%s'", name);
		set |= UINT64_C(1) << i;
	}
	return set;
}

/* The kernel may know more of them than we do: it says where its list ends. */
static void
drop_from_bounding_set(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
			if (errno == EINVAL)
				break;
			err(2, "prctl");
		}
}

static void
drop_from_process(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2], half[2];

	if (syscall(SYS_capget, &head, data))
		err(2, "capget");
	for (int i = 0; i < 2; i++) {
		half[i].permitted = data[i].permitted & (uint32_t)(keep >> 32 * i);
		half[i].effective = half[i].permitted;
		half[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, half))
		err(2, "capset");
}

int
main(int argc, char **argv)
{
	uint64_t keep = 0;
	int opt;

	while ((opt = getopt(argc, argv, "+k:")) != -1) {
		if (opt != 'k')
			return 2;
		keep |= parse(optarg);
	}
	if (optind == argc)
		errx(2, "usage: drop [-k NAME[,NAME]...] COMMAND [ARG]...");

	drop_from_bounding_set(keep);
	drop_from_process(keep);
	execvp(argv[optind], argv + optind);
	err(127, "%s", argv[optind]);
}

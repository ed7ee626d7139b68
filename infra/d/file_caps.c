#include "file_caps.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "app.h"
#include "cleanup.h"
#include "engine_call.h"
#include "engine_end.h"
#include "file.h"
#include "image_files.h"
#include "report.h"
#include "strbuf.h"

/* By their numbers. */
static const char *const names[] = {"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",
    "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
    "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
    "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
    "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
    "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* struct vfs_cap_data. A file without the effective bit is run with what there is. */
static void
add_names(const void *value, size_t size, struct words *out)
{
	uint32_t word[5] = {0};
	uint64_t permitted;

	if (size < XATTR_CAPS_SZ_1)
		return;
	memcpy(word, value, size < sizeof(word) ? size : sizeof(word));
	if (!(le32toh(word[0]) & VFS_CAP_FLAGS_EFFECTIVE))
		return;
	permitted = le32toh(word[1]);
	if (size >= XATTR_CAPS_SZ_2)
		permitted |= (uint64_t)le32toh(word[3]) << 32;
	for (size_t i = 0; i < NAMES; i++)
		if (permitted >> i & 1)
			words_add(out, names[i]);
}

/* ---- the file in the image ---- */

/* The engine writing a file of a container as an archive to the pipe's end *out. */
static pid_t
start_copy(const struct engine *e, const char *from, int *out)
{
	/* podman follows links unasked. */
	const char *const podman[] = {e->program, "cp", from, "-", NULL};
	const char *const docker[] = {e->program, "cp", "-L", from, "-", NULL};
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (dup2(nowhere, STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0 ||
		    dup2(nowhere, STDERR_FILENO) < 0)
			_exit(126);
		execvp(e->program, (char *const *)(e->kind == DOCKER ? docker : podman));
		_exit(127);
	}
	close(ends[1]);
	*out = ends[0];
	return pid;
}

/* Whether there is a file; its capabilities are added. */
static bool
read_caps(int fd, struct words *out)
{
	struct archive *in = archive_read_new();
	struct archive_entry *entry;
	const char *name;
	const void *value;
	size_t size;
	bool found = false;

	archive_read_support_format_tar(in);
	if (archive_read_open_fd(in, fd, 16384) == ARCHIVE_OK &&
	    archive_read_next_header(in, &entry) == ARCHIVE_OK &&
	    archive_entry_filetype(entry) == AE_IFREG) {
		found = true;
		archive_entry_xattr_reset(entry);
		while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
			if (strcmp(name, "security.capability") == 0)
				add_names(value, size, out);
	}
	archive_read_free(in);
	return found;
}

static bool
look_at(const struct engine *e, const char *id, const char *path, struct words *out)
{
	int fd, status;
	pid_t pid = start_copy(e, pool_printf("%s:%s", id, path), &fd);
	bool found;

	if (pid < 0)
		return false;
	found = read_caps(fd, out);
	close(fd); /* the rest of the file isn't wanted */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return found;
}

static void
look_for(const struct engine *e, const char *id, const char *program, const char *path,
    struct words *out)
{
	char *directories = pool_dup(
	    path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	char *save = NULL;

	if (*program == '/') {
		look_at(e, id, program, out);
		return;
	}
	for (char *f = strtok_r(directories, ":", &save); f; f = strtok_r(NULL, ":", &save))
		if (look_at(e, id, pool_printf("%s/%s", f, program), out))
			return;
}

/* ---- kept beside what else is known of the image ---- */

/* "PROGRAM CAPABILITY…" */
static bool
recall(const char *file, const char *program, struct words *out)
{
	char text[4096];
	cleanup_fd int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	struct words all = {0};

	if (n <= 0)
		return false;
	text[n] = '\0';
	if (words_split(&all, text) || !all.n || strcmp(all.w[0], program) != 0)
		return false;
	for (size_t i = 1; i < all.n; i++)
		words_add(out, all.w[i]);
	return true;
}

static void
keep(const char *file, const char *program, const struct words *caps)
{
	struct words all = {0};
	struct strbuf line = STRBUF_INIT;
	struct new_file f = {.mode = 0600};

	words_add(&all, program);
	words_add_all(&all, caps);
	words_quote(&all, &line);
	f.bytes = line.s;
	f.n = line.len;
	if (file_replace(AT_FDCWD, file, &f, NULL))
		report("write '%s':", file);
	strbuf_free(&line);
}

/*
 * Those of the program that the container starts: the kernel refuses to run it without them.
 * Names as in settings.yaml. 0, or -1 after a message; a program that isn't found has none.
 */
static int
file_caps_wanted(
    struct app *a, const struct container *c, const struct image *image, struct words *out)
{
	const struct words *command = c->entrypoint.n    ? &c->entrypoint
				      : image->command.n ? &image->command
							 : &c->cmd;
	const char *directory, *file, *id;

	if (!command->n)
		return 0;
	directory = image_files(a, c->key, c->test, image);
	if (!directory)
		return -1;
	file = pool_printf("%s/capabilities", directory);
	if (recall(file, command->w[0], out))
		return 0;
	id = image_container(&a->engine, image);
	if (!id)
		return -1;
	look_for(&a->engine, id, command->w[0], image->path, out);
	engine_remove(&a->engine, id, true);
	keep(file, command->w[0], out);
	return 0;
}

const char *
file_caps_missing(struct app *a, const struct container *c, const struct image *image)
{
	struct words wanted = {0};
	const char *missing = "";

	if (file_caps_wanted(a, c, image, &wanted))
		return NULL;
	for (size_t i = 0; i < wanted.n; i++)
		if (!words_have(&c->caps, wanted.w[i]))
			missing =
			    pool_printf("%s%s%s", missing, *missing ? ", " : "", wanted.w[i]);
	return missing;
}

#include "applets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "applets_code.h"
#include "applets_names.h"
#include "cleanup.h"
#include "strbuf.h"

/* ---- cutting ---- */

static int
stays(const struct applet *p)
{
	return p->alive && !p->doomed;
}

/* Where the doomed shall lead: where others were led before, to "false", or to any
 * instructions that return 1. */
static int
choose_dead_entry(struct applets *a, uint64_t *value)
{
	const struct applet *no = applets_find(a, "false");

	for (size_t i = 0; i < a->count; i++) {
		if (!a->applet[i].name || &a->applet[i] == no) {
			*value = a->applet[i].entry.value;
			return 0;
		}
	}
	if (code_find_failure(&a->elf, value) == 0)
		return 0;
	return applets_refuse(
	    a, "has no function that only fails, to which a cut applet could lead");
}

/* Whether the program takes its bearings from this name when it looks for another. */
static int
is_landmark(const struct applets *a, size_t i)
{
	for (size_t part = 1; part < name_parts(a->count); part++)
		if (name_part_start(a->count, part) == i)
			return 1;
	return 0;
}

static const char *
name_of_neighbour(const struct applets *a, size_t i, int step)
{
	size_t k = i;

	while ((step < 0 ? k-- > 0 : ++k < a->count))
		if (stays(&a->applet[k]))
			return a->applet[k].name;
	return step < 0 ? "" : NULL;
}

static void
cut_name(struct applets *a, size_t i)
{
	const struct applet *p = &a->applet[i];
	char name[LONGEST_NAME + 1];

	memset(name, '/', p->name_len);
	if (is_landmark(a, i) && name_between(name_of_neighbour(a, i, -1),
				     name_of_neighbour(a, i, 1), name, p->name_len) < 0)
		return;
	memcpy(a->image + p->name_at, name, p->name_len);
}

static int
by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct code_range *)a)->start;
	uint64_t y = ((const struct code_range *)b)->start;

	return x < y ? -1 : x > y;
}

/* The functions that doomed entries led to, sorted and apart. */
static size_t
doomed_code(const struct applets *a, uint64_t dead, struct code_range *out)
{
	size_t n = 0, apart = 0;

	for (size_t i = 0; i < a->count; i++)
		if (a->applet[i].doomed &&
		    code_bounds(&a->elf, a->applet[i].entry.value, &out[n]) == 0 &&
		    !(dead >= out[n].start && dead < out[n].end))
			n++;
	qsort(out, n, sizeof *out, by_start);
	for (size_t i = 0; i < n; i++)
		if (apart == 0 || out[i].start >= out[apart - 1].end)
			out[apart++] = out[i];
	return apart;
}

/* After the entries were led elsewhere: overwrites their code where nothing uses it. */
static int
cut_code(struct applets *a, struct code_range *ranges, size_t n)
{
	struct elf_pointers pointers;
	const char *why = n ? elf_pointers(&a->elf, &pointers) : NULL;

	if (why)
		return applets_refuse(a, "%s", why);
	if (n == 0)
		return 0;
	code_mark_used(&a->elf, &pointers, ranges, n);
	elf_pointers_free(&pointers);
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].used)
			continue;
		code_trap(&a->elf, &ranges[i]);
		a->functions++;
		a->code_bytes += (size_t)(ranges[i].end - ranges[i].start);
	}
	return 0;
}

/* Whether entry i came out as it should: there or not, in its place, and found by its name
 * if it is to live and by none if not. */
static int
came_out_right(
    const struct applets *a, const struct applets *after, const char **names, size_t i)
{
	const struct applet *was = &a->applet[i], *is = &after->applet[i];

	if (stays(was) != is->alive || was->name_at != is->name_at ||
	    (stays(was) && was->entry.value != is->entry.value))
		return 0;
	for (int bounded = 0; was->name && bounded < 2; bounded++) {
		long got = name_look_up(names, after->count, was->name, bounded);

		if (stays(was) ? got != (long)i : got >= 0 && after->applet[got].alive)
			return 0;
	}
	return 1;
}

/* Reads the result as if for the first time, and looks every name up in it. What was read
 * is what a holds from then on. */
static int
check_result(struct applets *a)
{
	struct applets was = *a;
	cleanup_free const char **names = xcalloc(a->count, sizeof *names);
	int good;

	a->applet = NULL;
	a->count = 0;
	good = applets_reread(a) == 0 && a->count == was.count;
	for (size_t i = 0; good && i < a->count; i++)
		names[i] = (const char *)a->image + a->applet[i].name_at;
	for (size_t i = 0; good && i < a->count; i++)
		good = came_out_right(&was, a, names, i);
	was.image = NULL;
	applets_free(&was);
	if (!good)
		return applets_refuse(
		    a, "can't be cut so: the program would no longer find its applets");
	return 0;
}

static int
has_survivors(const struct applets *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (stays(&a->applet[i]) && !applets_is_dispatcher(a->applet[i].name))
			return 1;
	return 0;
}

int
applets_cut(struct applets *a)
{
	cleanup_free struct code_range *ranges = xcalloc(a->count, sizeof *ranges);
	uint64_t dead;
	size_t n;

	a->changed = 0;
	a->cut = a->functions = a->code_bytes = 0;
	if (!has_survivors(a))
		return applets_refuse(a, "would be left without any applet");
	if (choose_dead_entry(a, &dead) < 0)
		return -1;
	n = doomed_code(a, dead, ranges);
	for (size_t i = 0; i < a->count; i++) {
		struct elf_pointer entry = a->applet[i].entry;

		if (!a->applet[i].doomed)
			continue;
		a->cut += (size_t)a->applet[i].alive;
		a->changed |= entry.value != dead;
		elf_set_pointer(&a->elf, &entry, dead);
		cut_name(a, i);
	}
	return cut_code(a, ranges, n) < 0 ? -1 : check_result(a);
}

/* ---- writing ---- */

/* Signatures over the old contents must not stand on the new ones. */
static int
is_signature(const char *attribute)
{
	return strcmp(attribute, "security.ima") == 0 || strcmp(attribute, "security.evm") == 0;
}

static int
copy_attributes(int from, int to)
{
	ssize_t n = flistxattr(from, NULL, 0), len;
	cleanup_free char *names = NULL;

	if (n <= 0)
		return n < 0 && errno != ENOTSUP ? -1 : 0;
	names = xmalloc((size_t)n);
	n = flistxattr(from, names, (size_t)n);
	for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		cleanup_free char *value = NULL;

		if (is_signature(name))
			continue;
		if ((len = fgetxattr(from, name, NULL, 0)) < 0)
			return -1;
		value = xmalloc((size_t)len + 1);
		if ((len = fgetxattr(from, name, value, (size_t)len)) < 0 ||
		    fsetxattr(to, name, value, (size_t)len, 0) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int
write_all(int fd, const unsigned char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, bytes, n);

		if (put < 0 && errno != EINTR)
			return -1;
		bytes += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
	return 0;
}

/* chown(2) comes first: it clears the bits and capabilities that are set after it. */
static int
make_like(int fd, int like_fd)
{
	struct stat st, mine;

	if (fstat(like_fd, &st) < 0 || fstat(fd, &mine) < 0)
		return -1;
	if ((st.st_uid != mine.st_uid || st.st_gid != mine.st_gid) &&
	    fchown(fd, st.st_uid, st.st_gid) < 0)
		return -1;
	return fchmod(fd, st.st_mode & 07777) < 0 ? -1 : copy_attributes(like_fd, fd);
}

int
applets_write(const struct applets *a, int dirfd, const char *name, int like_fd)
{
	/* One fixed name, so that what a killed run leaves behind goes with the next. */
	cleanup_free char *new = xasprintf(".%s.applets-new", name);
	cleanup_fd int fd = -1;

	if (unlinkat(dirfd, new, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(dirfd, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_all(fd, a->image, a->size) < 0 || make_like(fd, like_fd) < 0 ||
	    fsync(fd) < 0 || renameat(dirfd, new, dirfd, name) < 0) {
		int saved = errno;

		unlinkat(dirfd, new, 0);
		errno = saved;
		return -1;
	}
	return fsync(dirfd);
}

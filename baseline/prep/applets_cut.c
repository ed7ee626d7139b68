#include "applets_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "applets_code.h"
#include "applets_find.h"
#include "applets_names.h"
#include "cleanup.h"
#include "file.h"
#include "strbuf.h"

/* ---- choosing ---- */

/* Returns whether the word can be done as it says. */
static int
choose_word(struct applets *a, const char *word, int keep)
{
	struct applet *p = applets_find(a, word);

	if (applets_is_dispatcher(word))
		return keep; /* which it is in any case */
	if (!p || (keep && !p->alive))
		return 0;
	p->doomed = !keep;
	return 1;
}

void
applets_choose(struct applets *a, const char *list, int keep, struct strbuf *unknown)
{
	static const char between[] = ", \t\n";

	for (size_t i = 0; i < a->count; i++)
		a->applet[i].doomed =
		    keep && a->applet[i].name && !applets_is_dispatcher(a->applet[i].name);
	for (list += strspn(list, between); *list; list += strspn(list, between)) {
		size_t len = strcspn(list, between);
		cleanup_free char *word = xstrndup(list, len);

		if (!choose_word(a, word, keep))
			strbuf_printf(unknown, "%s%s", unknown->len ? " " : "", word);
		list += len;
	}
}

/* ---- cutting ---- */

static int
stays(const struct applet *p)
{
	return p->alive && !p->doomed;
}

static int
is_cut_now(const struct applet *p)
{
	return p->alive && p->doomed;
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

/* Whether the program may take its bearings from this name when it looks for another. If
 * it isn't known how it searches, any name may serve for that. */
static int
is_landmark(const struct applets *a, size_t i)
{
	for (size_t part = 1; part < name_parts(a->count); part++)
		if (name_part_start(a->count, part) == i)
			return 1;
	return !a->has_offsets;
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
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* After the doomed entries were led elsewhere: erases the code that only they led to. What
 * an earlier cut led elsewhere needn't be where a function begins. */
static int
cut_code(struct applets *a)
{
	cleanup_free uint64_t *entries = xcalloc(a->count, sizeof *entries);
	uint64_t first_cut = UINT64_MAX;
	struct elf_pointers pointers;
	const char *why = elf_pointers(&a->elf, &pointers);
	size_t n = 0;

	if (why)
		return applets_refuse(a, "%s", why);
	for (size_t i = 0; i < a->count; i++) {
		uint64_t entry = a->applet[i].entry.value;

		if (a->applet[i].alive)
			entries[n++] = entry;
		if (is_cut_now(&a->applet[i]) && entry < first_cut)
			first_cut = entry;
	}
	qsort(entries, n, sizeof *entries, by_value);
	code_erase(&a->elf, &pointers, entries, n, first_cut, &a->erased);
	elf_pointers_free(&pointers);
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
	uint64_t dead;

	a->changed = 0;
	a->cut = a->erased = 0;
	if (!has_survivors(a))
		return applets_refuse(a, "would be left without any applet");
	if (choose_dead_entry(a, &dead) < 0)
		return -1;
	for (size_t i = 0; i < a->count; i++) {
		struct elf_pointer entry = a->applet[i].entry;

		if (!a->applet[i].doomed)
			continue;
		a->cut += (size_t)a->applet[i].alive;
		a->changed |= entry.value != dead;
		elf_set_pointer(&a->elf, &entry, dead);
		cut_name(a, i);
	}
	if (a->cut > 0 && cut_code(a) < 0)
		return -1;
	return check_result(a);
}

/* ---- writing ---- */

/* Not what the system gives to a new file (labels), nor a signature over other contents. */
static int
goes_along(const char *attribute)
{
	return strcmp(attribute, "security.capability") == 0 ||
	       strcmp(attribute, "system.posix_acl_access") == 0 ||
	       strncmp(attribute, "user.", 5) == 0;
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

		if (!goes_along(name))
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
	cleanup_fd int fd = -1;

	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_all(fd, a->image, a->size) < 0 || make_like(fd, like_fd) < 0 ||
	    file_close(&fd) < 0) {
		int saved = errno;

		unlinkat(dirfd, name, 0);
		errno = saved;
		return -1;
	}
	return 0;
}

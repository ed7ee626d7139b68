/* subuid files, and the maps that podman and docker make of them. What is expected of the
 * engines was read off them: podman 4.3 and docker 20.10 with these very files. */
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
note_line(size_t line, const char *what, void *arg)
{
	strbuf_printf(arg, "%zu:%s;", line, what);
}

static void
subid_files(void **state)
{
	static const struct {
		const char *text, *entries, *bad;
	} table[] = {
	    {"", "", ""},
	    {"alice:100000:65536\n", "alice/100000/65536/1 ", ""},
	    {"alice:100000:65536", "alice/100000/65536/1 ", ""},
	    {"\n# what\n\nalice:1:2\n1000:3:4\n", "alice/1/2/4 1000/3/4/5 ", ""},
	    {"a:1:2\na:1:2\n", "a/1/2/1 a/1/2/2 ", ""},
	    {"a:4294967294:1\n", "a/4294967294/1/1 ", ""},
	    {"a:4294967295:1\n", "", "1:an id beyond 4294967294;"},
	    {"a:1:4294967295\n", "", "1:an id beyond 4294967294;"},
	    {"a:0:4294967295\n", "a/0/4294967295/1 ", ""},
	    {"a:1:0\n", "", "1:a range of no ids;"},
	    {":1:1\n", "", "1:no owner;"},
	    {"a:1\nb:1:1\n", "b/1/1/2 ", "1:want OWNER:FIRST:COUNT;"},
	    {"a:1:1:1\n", "", "1:want OWNER:FIRST:COUNT;"},
	    {"a\n", "", "1:want OWNER:FIRST:COUNT;"},
	    {"a: 1:1\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a:1:1 \n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a:1:1\r\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a:-1:1\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a:0x1:1\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a:1:99999999999999999999\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a::1\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	    {"a:1:\n", "", "1:want FIRST and COUNT as decimal numbers;"},
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct subids s = {NULL, 0};
		struct strbuf bad = STRBUF_INIT, got = STRBUF_INIT;

		strbuf_puts(&bad, "");
		strbuf_puts(&got, "");
		subids_parse(&s, table[i].text, strlen(table[i].text), note_line, &bad);
		for (j = 0; j < s.count; j++)
			strbuf_printf(&got, "%s/%u/%u/%zu ", s.entry[j].owner, s.entry[j].first,
			    s.entry[j].count, s.entry[j].line);
		if (strcmp(got.s, table[i].entries) != 0 || strcmp(bad.s, table[i].bad) != 0)
			fail_msg("'%s': '%s', '%s'", table[i].text, got.s, bad.s);
		subids_free(&s);
		strbuf_free(&bad);
		strbuf_free(&got);
	}
}

/* A root with the four files. */
static const struct {
	const char *name, *text;
} host_files[] = {
    {"passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1234:1235::/home/alice:/bin/sh\n"
	       "bob:x:1001:1001::/:/bin/sh\n1234:x:7:7::/:/bin/sh\n"
	       "dockremap:x:995:995::/:/bin/false\n"
	       "dr2:x:994:994::/:/bin/false\nmany:x:1002:1002::/:/bin/sh\n"},
    {"group", "root:x:0:\ndaemon:x:1:\n"},
    {"subuid", "alice:900000:1000\nalice:500000:70000\n1001:3000000:10\n995:2000000:3000\n"
	       "dockremap:900000:1000\ndr2:900000:1000\ndr2:500000:70000\n"
	       "containers:700000:1500\ncontainers:600000:3000\nhalf:1:1\n"
	       "twice:100:10\ntwice:105:10\n"},
    {"subgid", "alice:900000:1000\nalice:500000:70000\ndockremap:900000:1000\n"
	       "dockremap:500000:70000\ndr2:900000:1000\ndr2:500000:70000\ndaemon:77:5\n"
	       "containers:600000:3000\n1001:3000000:10\ntwice:100:20\n"},
};

static struct userns_files host;

static int
make_host(void **state)
{
	char dir[] = "/tmp/test_userns.XXXXXX", path[64];
	struct strbuf why = STRBUF_INIT;
	size_t i;
	int root, got;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	root = open(dir, O_RDONLY | O_DIRECTORY);
	mkdirat(root, "etc", 0755);
	for (i = 0; i < COUNT(host_files); i++) {
		int fd;

		snprintf(path, sizeof(path), "etc/%s", host_files[i].name);
		fd = openat(root, path, O_WRONLY | O_CREAT, 0644);
		if (write(fd, host_files[i].text, strlen(host_files[i].text)) < 0)
			return -1;
		close(fd);
	}
	got = userns_files_read(&host, root, &why);
	for (i = 0; i < COUNT(host_files); i++) {
		snprintf(path, sizeof(path), "etc/%s", host_files[i].name);
		unlinkat(root, path, 0);
	}
	unlinkat(root, "etc", AT_REMOVEDIR);
	close(root);
	rmdir(dir);
	return got;
}

static int
drop_host(void **state)
{
	(void)state;
	userns_files_free(&host);
	return 0;
}

static void
check_map(const char *name, int got, const struct idmap *m, const struct strbuf *why,
    const char *want, const char *want_why)
{
	struct idmap expected = IDMAP_INIT;
	struct strbuf shown = STRBUF_INIT, ignored = STRBUF_INIT;

	strbuf_puts(&shown, "");
	idmap_format(m, &shown);
	if (!want) {
		if (got != -1 || !why->s || !strstr(why->s, want_why))
			fail_msg("%s: returned %d, '%s', %s", name, got, shown.s, why->s);
	} else {
		assert_int_equal(idmap_parse(&expected, want, &ignored), 0);
		if (got != 0 || !idmap_equal(m, &expected))
			fail_msg("%s: returned %d, '%s', %s", name, got, shown.s, why->s);
	}
	idmap_free(&expected);
	strbuf_free(&shown);
}

static void
users(void **state)
{
	static const struct {
		int (*make)(
		    struct idmap *, const struct userns_files *, const char *, struct strbuf *);
		const char *user, *map, *why; /* map NULL: refused */
	} table[] = {
	    {userns_subids, "alice", "0:500000:70000,70000:900000:1000", NULL},
	    {userns_subids, "1001", "0:3000000:10", NULL},
	    {userns_subids, "bob", "0:3000000:10", NULL},
	    {userns_subids, "half", NULL, "no range in /etc/subgid"},
	    {userns_subids, "nobody", NULL, "no range in /etc/subuid"},
	    {userns_subids, "twice", NULL, "/etc/subuid:12: the range overlaps"},
	    {userns_rootless, "alice",
		"u:0:1234:1,u:1:500000:70000,u:70001:900000:1000,"
		"g:0:1235:1,g:1:500000:70000,g:70001:900000:1000",
		NULL},
	    /* a name that looks like a number is a name first */
	    {userns_rootless, "1234", "0:7:1", NULL},
	    {userns_rootless, "1001", "0:1001:1,1:3000000:10", NULL},
	    {userns_rootless, "many", "0:1002:1", NULL},
	    {userns_rootless, "nobody", NULL, "no user 'nobody'"},
	    /* by number hides by name, and the order is the file's */
	    {userns_docker, "default", "u:0:2000000:3000,g:0:900000:1000,g:1000:500000:70000",
		NULL},
	    {userns_docker, "dockremap", "u:0:2000000:3000,g:0:900000:1000,g:1000:500000:70000",
		NULL},
	    {userns_docker, "dr2", "0:900000:1000,1000:500000:70000", NULL},
	    {userns_docker, "994", "0:900000:1000,1000:500000:70000", NULL},
	    {userns_docker, "994:994", "0:900000:1000,1000:500000:70000", NULL},
	    {userns_docker, "dr2:daemon", "0:900000:1000,1000:500000:70000", NULL},
	    {userns_docker, "many", NULL, "'many' has no range in /etc/subuid"},
	    {userns_docker, "", NULL, "no user"},
	    {userns_docker, ":daemon", NULL, "no user"},
	    {userns_docker_running, "/var/lib/docker", "0:0:4294967295", NULL},
	    {userns_docker_running, "/var/lib/docker.d/x.y", "0:0:4294967295", NULL},
	    {userns_docker_running, "/data/900000.900000", "0:900000:1000,1000:500000:70000",
		NULL},
	    {userns_docker_running, "/data/2000000.900000",
		"u:0:2000000:3000,g:0:900000:1000,g:1000:500000:70000", NULL},
	    {userns_docker_running, "/data/5.5", NULL, "root to 5:5"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT;
		int got = table[i].make(&m, &host, table[i].user, &why);

		check_map(table[i].user, got, &m, &why, table[i].map, table[i].why);
		idmap_free(&m);
		strbuf_free(&why);
	}
}

static void
podman(void **state)
{
	static const struct {
		const char *user, *userns, *uidmap[3], *gidmap[2];
		const char *map, *why; /* map NULL: refused */
	} table[] = {
	    {NULL, "", {0}, {0}, "0:0:4294967295", NULL},
	    {NULL, NULL, {0}, {0}, "0:0:4294967295", NULL},
	    {NULL, "host", {0}, {0}, "0:0:4294967295", NULL},
	    {NULL, "private", {0}, {0}, NULL, "needs a map"},
	    {NULL, "keep-id", {0}, {0}, NULL, "which user"},
	    {NULL, "nomap", {0}, {0}, NULL, "which user"},
	    {NULL, "container:x", {0}, {0}, NULL, "ask the container"},
	    {NULL, "nonsense", {0}, {0}, NULL, "ask the container"},
	    {NULL, "", {"0:1000:10"}, {0}, "0:1000:10", NULL},
	    {NULL, "", {0}, {"0:1000:10"}, "0:1000:10", NULL},
	    {NULL, "private", {"0:1000:10", "10:5:1"}, {"0:7"}, "u:0:1000:10,u:10:5:1,g:0:7:1",
		NULL},
	    {NULL, "", {"0:@1000:10"}, {0}, "0:1000:10", NULL},
	    {NULL, "auto:size=5", {"0:1000:10"}, {0}, NULL, "not both"},
	    {NULL, "", {"0"}, {0}, NULL, "want INSIDE:FROM:COUNT"},
	    {NULL, "", {"0:1:2:3"}, {0}, NULL, "want INSIDE:FROM:COUNT"},
	    {NULL, "", {"+0:1:2"}, {0}, NULL, "want INSIDE:FROM:COUNT"},
	    {NULL, "", {"0:1:0"}, {0}, NULL, "empty"},
	    {"alice", "", {0}, {0},
		"u:0:1234:1,u:1:500000:70000,u:70001:900000:1000,"
		"g:0:1235:1,g:1:500000:70000,g:70001:900000:1000",
		NULL},
	    {"alice", "keep-id", {0}, {0},
		"u:0:500000:1234,u:1234:1234:1,u:1235:501234:68766,u:70001:900000:1000,"
		"g:0:500000:1235,g:1235:1235:1,g:1236:501235:68765,g:70001:900000:1000",
		NULL},
	    {"alice", "keep-id:uid=33,gid=0", {0}, {0},
		"u:0:500000:33,u:33:1234:1,u:34:500033:69967,u:70001:900000:1000,"
		"g:0:1235:1,g:1:500000:70000,g:70001:900000:1000",
		NULL},
	    {"alice", "keep-id:uid=x", {0}, {0}, NULL, "want uid=N"},
	    {"alice", "keep-id:what=1", {0}, {0}, NULL, "want uid=N"},
	    {"alice", "keep-id:uid", {0}, {0}, NULL, "KEY=VALUE"},
	    /* fewer ids than the user's own number: a hole */
	    {"bob", "keep-id", {0}, {0}, "0:3000000:10,1001:1001:1", NULL},
	    {"bob", "nomap", {0}, {0}, "0:3000000:10", NULL},
	    {"many", "nomap", {0}, {0}, NULL, "has no ranges"},
	    {"many", "keep-id", {0}, {0}, NULL, "has no ranges"},
	    {"alice", "nomap", {0}, {0}, "0:500000:70000,70000:900000:1000", NULL},
	    {"alice", "", {"0:1:100", "100:0:1"}, {0},
		"u:0:500000:100,u:100:1234:1,g:0:500000:100,g:100:1235:1", NULL},
	    {"alice", "", {"0:@500007:3"}, {0}, "0:500007:3", NULL},
	    {"alice", "", {"0:70000:3"}, {0}, "0:569999:1,1:900000:2", NULL},
	    {"alice", "", {"0:71000:2"}, {0}, NULL, "hasn't that many"},
	    {NULL, "auto", {0}, {0}, NULL, "auto:size=N"},
	    {NULL, "auto:size=0", {0}, {0}, NULL, "no size"},
	    {NULL, "auto:size=1024", {0}, {0}, "0:600000:1024", NULL},
	    {NULL, "auto:size=3001", {0}, {0}, NULL, "no 3001 ids"},
	    {NULL, "auto:size=10,uidmapping=5:42:1,gidmapping=7:600003:2", {0}, {0},
		"u:5:42:1,u:0:600000:5,u:6:600005:4,"
		"g:7:600003:2,g:0:600000:3,g:3:600005:4,g:9:600009:1",
		NULL},
	    {NULL, "auto:size=10,what=1", {0}, {0}, NULL, "unknown option"},
	    {"alice", "auto:size=1235", {0}, {0}, "0:500000:1235", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct userns_podman p = {.user = table[i].user,
		    .userns = table[i].userns,
		    .uidmap = table[i].uidmap,
		    .gidmap = table[i].gidmap};
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT, name = STRBUF_INIT;
		int got = userns_podman(&m, &host, &p, &why);

		strbuf_printf(&name, "case %zu, '%s'", i, p.userns ? p.userns : "");
		check_map(name.s, got, &m, &why, table[i].map, table[i].why);
		idmap_free(&m);
		strbuf_free(&why);
		strbuf_free(&name);
	}
}

/* Root's pool is 600000+3000 and 700000+1500 for users, 600000+3000 for groups. */
static void
auto_beside_others(void **state)
{
	static const struct {
		const char *taken[3], *size, *map; /* map NULL: refused */
	} table[] = {
	    {{"0:600000:1235"}, "1235", "0:601235:1235"},
	    {{"0:600000:100", "0:600200:100"}, "250", "0:600100:100,100:600300:150"},
	    {{"0:600200:100", "0:600000:100"}, "250", "0:600100:100,100:600300:150"},
	    {{"u:0:600000:2000"}, "2000", "u:0:602000:1000,u:1000:700000:1000,g:0:600000:2000"},
	    {{"0:600000:2000"}, "1001", NULL},
	    {{"0:5:10"}, "10", "0:600000:10"},
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap taken[3] = {IDMAP_INIT, IDMAP_INIT, IDMAP_INIT}, m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT, userns = STRBUF_INIT;
		struct userns_podman p = {.taken = taken};
		int got;

		strbuf_printf(&userns, "auto:size=%s", table[i].size);
		p.userns = userns.s;
		for (n = 0; table[i].taken[n]; n++)
			assert_int_equal(idmap_parse(&taken[n], table[i].taken[n], &why), 0);
		p.taken_count = n;
		got = userns_podman(&m, &host, &p, &why);
		check_map(userns.s, got, &m, &why, table[i].map, "are free");
		for (n = 0; n < 3; n++)
			idmap_free(&taken[n]);
		idmap_free(&m);
		strbuf_free(&why);
		strbuf_free(&userns);
	}
}

static void
inspected(void **state)
{
	static const struct {
		const char *user, *json, *map; /* map NULL: refused */
	} table[] = {
	    {NULL, "null\n", "0:0:4294967295"},
	    {NULL,
		"{\"UidMap\":[\"0:502000:1000\",\"1000:900000:1000\"],\"GidMap\":[\"0:5:3\"]}",
		"u:0:502000:1000,u:1000:900000:1000,g:0:5:3"},
	    {NULL, "{\n \"UidMap\": [\n  \"0:5:3\"\n ],\n \"GidMap\": [\n  \"0:5:3\"\n ]\n}\n",
		"0:5:3"},
	    {"bob", "{\"UidMap\":[\"0:1:5\"],\"GidMap\":[\"0:1:5\"]}", "0:3000000:5"},
	    {"bob", "null", "0:1001:1,1:3000000:10"},
	    {"bob", "{\"UidMap\":null,\"GidMap\":null}", "0:1001:1,1:3000000:10"},
	    {"bob", "{\"UidMap\":[\"0:1:50\"],\"GidMap\":[\"0:1:5\"]}", NULL},
	    {NULL, "{\"UidMap\":[\"x\"],\"GidMap\":[\"0:1:5\"]}", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct idmap m = IDMAP_INIT;
		struct strbuf why = STRBUF_INIT;
		int got = userns_inspected(&m, &host, table[i].user, table[i].json, &why);

		check_map(table[i].json, got, &m, &why, table[i].map, "range '");
		idmap_free(&m);
		strbuf_free(&why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(subid_files),
	    cmocka_unit_test(users),
	    cmocka_unit_test(podman),
	    cmocka_unit_test(auto_beside_others),
	    cmocka_unit_test(inspected),
	};

	return cmocka_run_group_tests_name("userns", tests, make_host, drop_host);
}

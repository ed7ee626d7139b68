/* The parsers, one case a line. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allow.h"
#include "apkdb.h"
#include "config.h"
#include "json.h"
#include "layer.h"
#include "manifest.h"
#include "parts.h"
#include "sources.h"
#include "tracker.h"
#include "upstream.h"
#include "version.h"

static struct bytes
text(const char *s)
{
	return (struct bytes){(const unsigned char *)s, strlen(s)};
}

/* ---- paths in archives */

static const struct {
	const char *raw, *clean, *why;
} paths[] = {
    {"a", "a", NULL},
    {"a/b", "a/b", NULL},
    {"./a//b/./c/", "a/b/c", NULL},
    {".", "", NULL},
    {"./", "", NULL},
    {"...", "...", NULL},
    {"..a/b..", "..a/b..", NULL},
    {"/a", NULL, "an absolute path"},
    {"", NULL, "an empty path"},
    {"..", NULL, "a path with '..'"},
    {"a/../b", NULL, "a path with '..'"},
    {"a/..", NULL, "a path with '..'"},
};

static void
test_paths(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *why;
		char *got = clean_path(paths[i].raw, &why);

		if (paths[i].clean)
			assert_string_equal(got, paths[i].clean);
		else
			assert_null(got);
		if (paths[i].why)
			assert_string_equal(why, paths[i].why);
		free(got);
	}
}

/* ---- versions: each line's words in their order */

static const char *const orders[][2] = {
    {"1", "2"},
    {"1.2", "1.10"},
    {"1.2", "1.2.1"},
    {"2.9", "2.10"},
    {"1.02", "1.1"},
    {"1.2", "1.2a"},
    {"1.2a", "1.2b"},
    {"1.2_alpha", "1.2_beta"},
    {"1.2_beta2", "1.2_pre"},
    {"1.2_rc1", "1.2"},
    {"1.2_rc9", "1.2_rc10"},
    {"1.2", "1.2_git20240101"},
    {"1.2", "1.2_p1"},
    {"1.2_p1", "1.2_p2"},
    {"1.2_p1-r5", "1.2_p2-r0"},
    {"1.36.1-r2", "1.36.1-r29"},
    {"1.36.1-r29", "1.37.0-r0"},
    {"1.2-r9", "1.2.1-r0"},
    {"3.3.2-r0", "3.3.2-r1"},
    {"20240226-r0", "20240705-r0"},
};

static void
test_versions(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		assert_int_equal(version_compare(orders[i][0], orders[i][1]), -1);
		assert_int_equal(version_compare(orders[i][1], orders[i][0]), 1);
		assert_int_equal(version_compare(orders[i][0], orders[i][0]), 0);
	}
	assert_int_equal(version_compare("1.2-r0", "1.2"), 0);
}

/* In the order of deb-version(7); the examples with '~' are its own. */
static void
test_deb_versions(void **state)
{
	static const char *const order[] = {"~~", "~~a", "~", "0", "0a", "1.0~rc1-1", "1.0-1",
	    "1.0-1+b1", "1.0-1+deb13u1", "1.0-1+deb13u10", "1.0-2", "1.0a-1", "1.0+dfsg-1",
	    "1.2-1", "1.10-1", "2", "1:0.1", "1:0.1-0.1", "10:0"};
	size_t i, k, n = sizeof(order) / sizeof(order[0]);

	(void)state;
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			int got = deb_version_compare(order[i], order[k]);

			assert_int_equal((got > 0) - (got < 0), (i > k) - (i < k));
		}
	assert_int_equal(deb_version_compare("0:1.0", "1.0"), 0);
	assert_int_equal(deb_version_compare("1.00-1", "1.0-1"), 0);
}

static void
test_releases(void **state)
{
	static const char *const yes[] = {"1", "1.2.3", "2.90", "1.2a", "20240705", NULL};
	static const char *const no[] = {
	    "", "1.", ".1", "1.2rc1", "1.2-rc1", "v1", "1..2", "latest", "1.2ab", NULL};
	size_t i;

	(void)state;
	for (i = 0; yes[i]; i++)
		assert_true(is_release(yes[i]));
	for (i = 0; no[i]; i++)
		assert_false(is_release(no[i]));
}

/* ---- licences */

static void
test_licenses(void **state)
{
	static const char *const yes[] = {"MIT", "GPL-2.0-only", "MPL-2.0 AND MIT",
	    "(MIT OR Apache-2.0) AND Zlib", "GPL-2.0-or-later WITH Classpath-exception-2.0",
	    "((MIT))", "LicenseRef-x", NULL};
	static const char *const no[] = {"", "MIT AND", "MIT BSD", "(MIT", "MIT)", "MIT & BSD",
	    "MIT WITH", "MIT WITH (x)", "()", "GPL, MIT", NULL};
	size_t i;

	(void)state;
	for (i = 0; yes[i]; i++)
		assert_true(is_license_expression(yes[i]));
	for (i = 0; no[i]; i++)
		assert_false(is_license_expression(no[i]));
}

/* ---- apk's database */

static void
test_apkdb(void **state)
{
	static const char sound[] = "C:Q1x\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\np:so:libc."
				    "musl-x86_64.so.1=1 cmd:ldd=1\n"
				    "F:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1y\n\n"
				    "P:busybox\nV:1.36.1-r29\no:busybox\nD:so:libc.musl-x86_64."
				    "so.1 !other zlib>=1.2 /bin/none\n"
				    "F:\nR:root-file\nF:bin\nR:busybox\nF:etc/empty\n";
	struct apkdb db;

	(void)state;
	assert_int_equal(apkdb_parse(&db, text(sound), "test"), 0);
	assert_int_equal(db.packages, 2);
	assert_string_equal(db.package[1].version, "1.36.1-r29");
	assert_int_equal(db.package[1].depend_count, 3);
	assert_string_equal(db.package[1].depends[1], "zlib");
	assert_int_equal(apkdb_owner(&db, "lib/ld-musl-x86_64.so.1"), 0);
	assert_int_equal(apkdb_owner(&db, "bin/busybox"), 1);
	assert_int_equal(apkdb_owner(&db, "root-file"), 1);
	assert_int_equal(apkdb_owner(&db, "bin/none"), 2);
	assert_int_equal(apkdb_provider(&db, "so:libc.musl-x86_64.so.1"), 0);
	assert_int_equal(apkdb_provider(&db, "/bin/busybox"), 1);
	assert_int_equal(apkdb_provider(&db, "zlib"), 2);
	apkdb_free(&db);
}

static void
test_apkdb_refusals(void **state)
{
	static const char *const bad[] = {"nonsense\n", "P:a\n\n", "V:1\n\n", "F:bin\nR:x\n",
	    "P:a\nV:1\nx\n", "P:\nV:1\n", NULL};
	struct apkdb db;
	size_t i;

	(void)state;
	for (i = 0; bad[i]; i++) {
		assert_int_equal(apkdb_parse(&db, text(bad[i]), "test"), -1);
		apkdb_free(&db);
	}
	assert_int_equal(apkdb_parse(&db, text(""), "test"), 0);
	apkdb_free(&db);
}

/* ---- the manifest */

#define SUM "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void
test_manifest(void **state)
{
	static const char sound[] =
	    "#mtree\n. type=dir mode=0755 uid=0 gid=0\n"
	    "# xattr ./b security.capability=00ff\n"
	    "./b type=file mode=4755 uid=1 gid=4294967295 nlink=2 size=7 sha256digest=" SUM "\n"
	    "./a\\040b type=link mode=0777 uid=0 gid=0 link=x\\075y\n";
	struct manifest m;
	const struct manifest_entry *e;

	(void)state;
	assert_int_equal(manifest_parse(&m, text(sound), "test"), 0);
	assert_int_equal(m.count, 3);
	e = manifest_find(&m, "/b");
	assert_int_equal(e->mode, 04755);
	assert_int_equal(e->gid, 4294967295UL);
	assert_int_equal(e->nlink, 2);
	assert_string_equal(e->xattrs, "security.capability=00ff");
	e = manifest_find(&m, "/a b");
	assert_string_equal(e->target, "x=y");
	assert_string_equal(e->xattrs, "");
	assert_non_null(manifest_find(&m, "/"));
	assert_null(manifest_find(&m, "/c"));
	manifest_free(&m);
}

static void
test_manifest_refusals(void **state)
{
	static const char *const bad[] = {
	    "",
	    "mtree\n",
	    "#mtree\n./a\n",
	    "#mtree\n./a type=file mode=0644 uid=0 gid=0 size=1\n",
	    "#mtree\n./a type=dir mode=0755 uid=0 gid=0 link=x\n",
	    "#mtree\n./a type=link mode=0777 uid=0 gid=0\n",
	    "#mtree\n./a type=device mode=0644 uid=0 gid=0\n",
	    "#mtree\n./a type=dir mode=0855 uid=0 gid=0\n",
	    "#mtree\n./a type=dir mode=0755 uid=-1 gid=0\n",
	    "#mtree\n./a type=dir mode=0755 uid=0 gid=0 unknown=1\n",
	    "#mtree\n./a type=dir mode=0755 uid=0  gid=0\n",
	    "#mtree\n/a type=dir mode=0755 uid=0 gid=0\n",
	    "#mtree\n./a\\4 type=dir mode=0755 uid=0 gid=0\n",
	    "#mtree\n./a\\000 type=dir mode=0755 uid=0 gid=0\n",
	    "#mtree\n./a type=dir mode=0755 uid=0 gid=0\n./a type=dir mode=0755 uid=0 gid=0\n",
	    "#mtree\n./a type=file mode=0644 uid=0 gid=0 size=1 sha256digest=short\n",
	    NULL,
	};
	struct manifest m;
	size_t i;

	(void)state;
	for (i = 0; bad[i]; i++) {
		assert_int_equal(manifest_parse(&m, text(bad[i]), "test"), -1);
		manifest_free(&m);
	}
}

/* ---- files of words */

static void
test_pins(void **state)
{
	static const char sound[] =
	    "# comment\n\na 1.0 " SUM " https://x/a # more\na 1.0 " SUM " apt:a/b\n";
	struct pins p;

	(void)state;
	assert_int_equal(pins_parse(&p, text(sound), "test"), 0);
	assert_int_equal(p.count, 2);
	assert_string_equal(pins_find(&p, "a", "1.0")->origin, "https://x/a");
	assert_null(pins_find(&p, "a", "2"));
	assert_null(pins_find(&p, "b", NULL));
	pins_free(&p);
	assert_int_equal(pins_parse(&p, text("a 1.0 short https://x\n"), "test"), -1);
	pins_free(&p);
	assert_int_equal(pins_parse(&p, text("a 1.0 " SUM "\n"), "test"), -1);
	pins_free(&p);
}

static void
test_claims(void **state)
{
	struct claims c;

	(void)state;
	assert_int_equal(
	    claims_parse(
		&c, text("/bin/busybox busybox musl\n/lib/ld-*.so.1 musl # x\n"), "test"),
	    0);
	assert_int_equal(claims_find(&c, "bin/busybox")->names, 2);
	assert_string_equal(claims_find(&c, "lib/ld-musl-x86_64.so.1")->name[0], "musl");
	assert_null(claims_find(&c, "lib/deep/ld-x.so.1"));
	claims_free(&c);
	assert_int_equal(claims_parse(&c, text("bin/relative busybox\n"), "test"), -1);
	claims_free(&c);
	assert_int_equal(claims_parse(&c, text("/alone\n"), "test"), -1);
	claims_free(&c);
}

static void
test_allow(void **state)
{
	static const char *const bad[] = {"setuid\n", "rights /x\n", "port 80 90\n", NULL};
	struct allow a;
	size_t i;

	(void)state;
	assert_int_equal(
	    allow_parse(&a, text("setuid /bin/* # meant\n\nport 8080/tcp\n"), "test"), 0);
	assert_true(is_allowed(&a, FINDING_SETUID, "/bin/su"));
	assert_false(is_allowed(&a, FINDING_SETUID, "/bin/deep/su"));
	assert_false(is_allowed(&a, FINDING_EXECUTABLE, "/bin/su"));
	assert_true(is_allowed(&a, FINDING_PORT, "8080/tcp"));
	allow_free(&a);
	for (i = 0; bad[i]; i++) {
		assert_int_equal(allow_parse(&a, text(bad[i]), "test"), -1);
		allow_free(&a);
	}
}

static void
test_upstreams(void **state)
{
	static const char *const bad[] = {"a http://x pattern http://y -\n",
	    "a x a-{VERSION} http://y -\n", "a http://x a-{VERSION} http://y\n", "@security\n",
	    NULL};
	struct upstreams u;
	size_t i;
	char *filled;

	(void)state;
	assert_int_equal(
	    upstreams_parse(&u,
		text("a http://x/ a-{VERSION}.tgz http://x/{SERIES}/a-{VERSION}.tgz .sig\n"
		     "@security http://s/v{SERIES}/main.json\n@security "
		     "http://s/v{SERIES}/more.json\n"),
		"test"),
	    0);
	assert_int_equal(u.securities, 2);
	filled = fill_in(upstreams_find(&u, "a")->address, "3.20.3");
	assert_string_equal(filled, "http://x/3.20/a-3.20.3.tgz");
	free(filled);
	filled = fill_in("{SERIES}", "7");
	assert_string_equal(filled, "7");
	free(filled);
	upstreams_free(&u);
	for (i = 0; bad[i]; i++) {
		assert_int_equal(upstreams_parse(&u, text(bad[i]), "test"), -1);
		upstreams_free(&u);
	}
}

static void
test_newest(void **state)
{
	struct upstream u = {
	    (char *)"t", (char *)"list", (char *)"t-{VERSION}.tar.gz", NULL, NULL};
	struct release r;
	const char *page =
	    "t-1.9.tar.gz t-1.10.tar.gz t-1.11rc1.tar.gz xt-0.tar.gz t-2.0.tar.bz2 t-.tar.gz";

	(void)state;
	assert_int_equal(newest_release(&u, NULL, page, strlen(page), &r), 0);
	assert_string_equal(r.version, "1.10");
	release_free(&r);
	assert_int_equal(newest_release(&u, NULL, "none", 4, &r), -1);
	release_free(&r);
}

/* ---- configs: many words for one thing */

static const struct {
	const char *in, *out;
} configs[] = {
    {"{}", "{}"},
    {"{\"Cmd\": null, \"Entrypoint\": [], \"User\": \"\", \"Volumes\": {}, \"OnBuild\": null, "
     "\"Tty\": false}",
	"{}"},
    {"{\"Hostname\": \"x\", \"Image\": \"sha256:0\", \"AttachStdin\": true}", "{}"},
    {"{\"WorkingDir\": \"/\"}", "{}"},
    {"{\"WorkingDir\": \"/a/\"}", "{\"WorkingDir\":\"/a\"}"},
    {"{\"ExposedPorts\": {\"80\": null, \"53/udp\": {}}}",
	"{\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}}}"},
    {"{\"Labels\": {\"io.buildah.version\": \"1\", \"whittle.image\": \"x\"}}", "{}"},
    {"{\"Healthcheck\": {\"Test\": [\"NONE\"], \"Interval\": 0, \"Retries\": 3}}",
	"{\"Healthcheck\":{\"Retries\":3,\"Test\":[\"NONE\"]}}"},
    {"{\"StopTimeout\": 5, \"StopSignal\": \"SIGINT\"}",
	"{\"StopSignal\":\"SIGINT\",\"StopTimeout\":5}"},
};

static void
test_configs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		json_t *in = json_pack("{s:s, s:s, s:o}", "os", "linux", "architecture",
		    "amd64", "config", json_loads(configs[i].in, 0, NULL));
		json_t *out = config_canonical(in, "test");
		char *got = json_canonical(json_object_get(out, "config"));

		assert_string_equal(got, configs[i].out);
		free(got);
		json_decref(in);
		json_decref(out);
	}
}

static void
test_names(void **state)
{
	char *one = json_dump_named(json_pack("{s:s}", "a", "x"), "name");
	char *same = json_dump_named(json_pack("{s:s}", "a", "x"), "name");
	char *other = json_dump_named(json_pack("{s:s}", "a", "y"), "name");
	json_t *j = json_loads(one, 0, NULL);
	const char *name = json_string_value(json_object_get(j, "name"));

	(void)state;
	assert_string_equal(one, same);
	assert_int_equal(strlen(name), 45);
	assert_int_equal(name[9 + 14], '8');
	assert_int_equal(strncmp(name, "urn:uuid:00000000", 17) != 0, 1);
	assert_null(strstr(other, name));
	json_decref(j);
	free(one);
	free(same);
	free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_deb_versions),
	    cmocka_unit_test(test_releases),
	    cmocka_unit_test(test_licenses),
	    cmocka_unit_test(test_apkdb),
	    cmocka_unit_test(test_apkdb_refusals),
	    cmocka_unit_test(test_manifest),
	    cmocka_unit_test(test_manifest_refusals),
	    cmocka_unit_test(test_pins),
	    cmocka_unit_test(test_claims),
	    cmocka_unit_test(test_allow),
	    cmocka_unit_test(test_upstreams),
	    cmocka_unit_test(test_newest),
	    cmocka_unit_test(test_configs),
	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("pack's parsers", tests, NULL, NULL);
}

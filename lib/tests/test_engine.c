/* Yes, no, or can't tell: what engines say of what isn't there, and of everything else. */
#include "engine.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.h"
#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char directory[] = "/tmp/test-engine.XXXXXX";

static void
words_of_docker(void **state)
{
	static const struct {
		const char *type, *err;
		bool missing;
	} table[] = {
	    {"container", "Error: No such container: web\n", true},
	    {"container", "Error response from daemon: No such container: web", true},
	    {"container",
		"WARNING: something\nError response from daemon: no such container: web\n",
		true},
	    {"container", "Error: No such object: web", true},
	    {"image", "Error response from daemon: No such image: web:live", true},
	    {"volume", "Error response from daemon: get web-data: no such volume\n", true},
	    {"volume", "Error: No such volume: web-data", true},
	    {"volume", "Error response from daemon: get \"http://h/\": no such host", false},
	    {"network", "Error response from daemon: network lan not found\n", true},
	    {"network", "Error response from daemon: network lan is ambiguous\n", false},
	    {"container", "Error response from daemon: network lan not found\n", false},
	    {"image", "Error response from daemon: No such container: web", false},
	    {"container",
		"error during connect: Get \"http://h/v1\": dial tcp: lookup h: no such host",
		false},
	    {"container", "Cannot connect to the Docker daemon at unix:///x. Is it running?",
		false},
	    {"container", "Error: open /var/lib/x: no such file or directory", false},
	    {"container", "Error: mkdir /run/no such container: denied", false},
	    {"container", "", false},
	    {"container", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		if (engine_says_missing(table[i].type, table[i].err) != table[i].missing)
			fail_msg("%s", table[i].err);
}

#define HEX_A "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee36"
#define HEX_B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
half_made_images(void **state)
{
	static const struct {
		const char *err, *ids;
	} table[] = {
	    {"Error: locating item named \"manifest\" for image with ID \"" HEX_A
	     "\" (consider removing the image to resolve the issue): file does not exist\n",
		HEX_A},
	    {"time=\"x\" level=error msg=\"Image eee exists in local storage but may be "
	     "corrupted "
	     "(remove the image to resolve the issue): locating item named \\\"manifest\\\" "
	     "for "
	     "image with ID \\\"" HEX_B
	     "\\\" (consider removing the image to resolve the issue): file does not exist\"\n"
	     "Error: image with ID \"" HEX_A "\" (consider removing the image)\n",
		HEX_B HEX_A},
	    {"Error: image with ID \"" HEX_A "\" is in use by a container\n", ""},
	    {"Error: image with ID \"ee36\" (consider removing the image)\n", ""},
	    {"Error: image with ID ", ""},
	    {"", ""},
	    {NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		char id[IMAGE_HEX + 1], got[2 * IMAGE_HEX + 1] = "";

		for (const char *at = table[i].err; (at = engine_half_made(at, id));)
			strcat(got, id);
		assert_string_equal(got, table[i].ids);
	}
}

static void
limits(void **state)
{
	static const struct {
		const char *args[4];
		bool question;
	} table[] = {
	    {{"container", "inspect", "web", NULL}, true},
	    {{"image", "exists", "web", NULL}, true},
	    {{"ps", "-a", NULL}, true},
	    {{"network", "ls", NULL}, true},
	    {{"stop", "-t", "3", NULL}, false},
	    {{"start", "inspect", NULL}, false},
	    {{"start", "web", NULL}, false},
	    {{"rm", "ls", NULL}, false},
	    {{"pull", "ps", NULL}, false},
	};

	(void)state;
	unsetenv("WHITTLE_ENGINE_LIMIT");
	for (size_t i = 0; i < COUNT(table); i++)
		if (engine_limit_for(table[i].args) !=
		    (table[i].question ? 60000 : engine_limit_ms()))
			fail_msg("%s %s", table[i].args[0], table[i].args[1]);
	setenv("WHITTLE_ENGINE_LIMIT", "1.5", 1);
	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(engine_limit_for(table[i].args), 1500);
	unsetenv("WHITTLE_ENGINE_LIMIT");
}

/* An engine that is a shell script, under the name of a real one. */
static void
engine_is(struct engine *e, const char *name, const char *script)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
	assert_true(fd >= 0);
	dprintf(fd, "#!/bin/sh\n%s\n", script);
	close(fd);
	assert_int_equal(engine_open(e, path), 0);
}

static void
three_answers(void **state)
{
	static const struct {
		const char *name, *script;
		int answer;
	} table[] = {
	    {"podman", "exit 0", 1},
	    {"podman", "[ $2 = exists ] && exit 1; exit 125", 0},
	    {"podman", "echo 'Error: no such container x' >&2; exit 125", -1},
	    {"podman", "[ $2 = exists ] && exit 0; exit 125", 1},
	    {"podman", "echo >>$0.calls; [ $(wc -l <$0.calls) = 2 ] && exit 1; exit 125", 0},
	    {"podman", "[ $2 = exists ] && kill -KILL $$; exit 125", -1},
	    {"docker", "echo warning >&2; exit 0", 1},
	    {"docker", "echo 'Error response from daemon: No such container: x' >&2; exit 1",
		0},
	    {"docker", "echo 'Error response from daemon: No such container: x'; exit 1", -1},
	    {"docker", "echo 'dial tcp: lookup h: no such host' >&2; exit 1", -1},
	    {"docker", "kill -KILL $$", -1},
	};
	struct engine e;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		engine_is(&e, table[i].name, table[i].script);
		if (engine_exists(&e, "container", "x") != table[i].answer)
			fail_msg("%s: %s", table[i].name, table[i].script);
		engine_close(&e);
	}
	e = (struct engine){.program = (char[]){"/nowhere/podman"}};
	assert_int_equal(engine_exists(&e, "container", "x"), -1);
}

static void
no_answer_in_time(void **state)
{
	struct engine e;

	(void)state;
	setenv("WHITTLE_ENGINE_LIMIT", "1", 1);
	engine_is(&e, "podman", "exec sleep 600");
	assert_int_equal(engine_exists(&e, "container", "x"), -1);
	engine_close(&e);
	unsetenv("WHITTLE_ENGINE_LIMIT");
}

static void
how(void **state)
{
	struct engine e;
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/engine", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
	dprintf(fd, "#!/bin/sh\nprintf '/opt/docker\\nTEST_ENGINE=a=b\\n'\n");
	close(fd);
	assert_int_equal(engine_open(&e, path), 0);
	assert_int_equal(e.kind, DOCKER);
	assert_string_equal(e.program, "/opt/docker");
	assert_string_equal(getenv("TEST_ENGINE"), "a=b");
	engine_close(&e);
	fd = open(path, O_WRONLY | O_TRUNC);
	dprintf(fd, "#!/bin/sh\necho /opt/nerdctl\n");
	close(fd);
	assert_int_equal(engine_open(&e, path), -1);
	fd = open(path, O_WRONLY | O_TRUNC);
	dprintf(fd, "#!/bin/sh\nexec sleep 600\n");
	close(fd);
	setenv("WHITTLE_ENGINE_LIMIT", "0.2", 1);
	assert_int_equal(engine_open(&e, path), -1);
	unsetenv("WHITTLE_ENGINE_LIMIT");
}

static int
set_up(void **state)
{
	(void)state;
	report_prog = "test";
	return mkdtemp(directory) ? 0 : -1;
}

static int
tear_down(void **state)
{
	static const char *const files[] = {"podman", "docker", "engine", "podman.calls"};
	char path[64];

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		unlink(path);
	}
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_of_docker),
	    cmocka_unit_test(half_made_images),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(three_answers),
	    cmocka_unit_test(no_answer_in_time),
	    cmocka_unit_test(how),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

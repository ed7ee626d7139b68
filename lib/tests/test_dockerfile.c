#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dockerfile.h"
#include "strbuf.h"

/* ---- which images a build needs ---- */

struct image_row {
	const char *title, *text, *params, *images; /* NULL: refused */
};

static const struct image_row image_rows[] = {
    {"one image", "FROM alpine:3.20\n", "", "alpine:3.20"},
    {"no line end", "FROM alpine", "", "alpine"},
    {"small letters", "from alpine as b\nfrom debian\ncopy --from=B /a /b\n", "",
	"debian alpine"},
    {"scratch is none", "FROM scratch\nCOPY a /\n", "", ""},
    {"a byte order mark and CRLF",
	"\xef\xbb\xbf"
	"FROM alpine\r\nRUN a \\\r\n  b\r\nCOPY --from=x:1 a b\r\n",
	"", "alpine x:1"},
    {"a stage's name in any case",
	"FROM alpine:3.20 AS Builder\nFROM scratch\nCOPY --from=builder /a /\n", "",
	"alpine:3.20"},
    {"a stage by its number", "FROM a\nFROM b\nCOPY --from=0 /x /\n", "", "b a"},
    {"a stage that starts from one",
	"FROM golang:1.22 AS base\nFROM base AS build\nFROM scratch\nCOPY --from=build /x /\n",
	"", "golang:1.22"},
    {"a stage of a later name is an image", "FROM a\nCOPY --from=late /x /\nFROM b AS late\n",
	"--target=0", "a late"},
    {"its own name is the image", "FROM redis AS redis\n", "", "redis"},
    {"a stage that nothing needs", "FROM unused AS test\nFROM a\n", "", "a"},
    {"a target", "FROM a AS one\nFROM b AS two\n", "--target one", "a"},
    {"a target in another case", "FROM a AS One\nFROM b AS two\n", "--target=ONE", "a"},
    {"a target that isn't there", "FROM a AS one\n", "--target two", NULL},
    {"a platform",
	"FROM --platform=$BUILDPLATFORM tonistiigi/xx:1.4 AS xx\nFROM --platform=linux/amd64 "
	"a\nCOPY --from=xx / /\n",
	"", "a tonistiigi/xx:1.4"},
    {"each once",
	"FROM a AS x\nFROM a\nCOPY --from=x / /\nCOPY --from=c / /\nCOPY --from=c /d /\n", "",
	"a c"},

    /* variables */
    {"a default", "ARG V=3.20\nFROM alpine:${V}\n", "", "alpine:3.20"},
    {"a default that a parameter replaces", "ARG V=3.20\nFROM alpine:$V\n",
	"--build-arg V=edge", "alpine:edge"},
    {"the parameter in one word", "ARG V\nFROM alpine:$V\n", "--build-arg=V=edge",
	"alpine:edge"},
    {"a whole image in quotes", "ARG BASE=\"debian:12\"\nFROM \"${BASE}\"\n", "", "debian:12"},
    {"without a value", "ARG BASE\nFROM $BASE\n", "", NULL},
    {"without an ARG", "FROM ${BASE}\n", "", NULL},
    {"a tag without a value", "ARG TAG\nFROM a:${TAG}\n", "", NULL},
    {"a parameter without an ARG", "FROM ${BASE}\n", "--build-arg BASE=a", NULL},
    {"or else", "FROM ${BASE:-alpine:3}\n", "", "alpine:3"},
    {"or else within or else", "ARG B=b\nFROM ${A:-${B:-c}:1}\n", "", "b:1"},
    {"only if", "ARG D=1\nFROM node:22${D:+-slim}\n", "", "node:22-slim"},
    {"only if not", "ARG D\nFROM node:22${D:+-slim}\n", "", "node:22"},
    {"empty is there without a colon", "ARG A=\nFROM x${A-y}\n", "", "x"},
    {"demanded", "ARG A\nFROM \"x${A:?say which}\"\n", "", NULL},
    {"a cut at the begin", "ARG V=v1.2.3\nFROM x:${V#v}\n", "", "x:1.2.3"},
    {"cuts at the end",
	"ARG V=1.2.3\nFROM x:${V%.*} AS a\nFROM y:${V%%.*}\nCOPY --from=a / /\n", "",
	"y:1 x:1.2"},
    {"the longest at the begin", "ARG V=a/b/c\nFROM ${V##*/}\n", "", "c"},
    {"several in one ARG", "ARG A=a B=b\nFROM $A$B\n", "", "ab"},
    {"one by another", "ARG REG=registry.example\nARG IMG=$REG/x\nFROM $IMG\n", "",
	"registry.example/x"},
    {"after FROM is too late", "FROM a\nARG V=1\nFROM b:${V:-2}\n", "", "b:2"},
    {"the machine's platform", "FROM x:${TARGETOS}\n", "", "x:linux"},
    {"COPY by a stage's ARG", "ARG V=1\nFROM a\nARG V\nCOPY --from=tools:$V / /\n", "",
	"a tools:1"},
    {"COPY by ENV, which ARG doesn't change",
	"FROM a\nENV V=2\nARG V=3\nCOPY --from=tools:$V / /\n", "", "a tools:2"},
    {"ENV of the stage before",
	"FROM a AS x\nENV V 2 \nARG W=1\nFROM x\nCOPY --from=t:$V$W / /\n", "", "t:2 a"},
    {"an escaped dollar", "FROM a\nCOPY --from=x\\$y / /\n", "", "a x$y"},
    {"single quotes", "ARG A='$B'\nFROM a${A:+b}\n", "", "ab"},
    {"braces without end", "ARG A=1\nFROM a${A\n", "", NULL},
    {"a quote without end", "ARG A=\"1\nFROM a\n", "", NULL},
    {"a modifier that nobody knows", "ARG A=1\nFROM a${A@Q}\n", "", NULL},

    /* lines */
    {"a line that goes on", "FROM \\\n  alpine \\\n  AS x\n", "", "alpine"},
    {"blanks behind the escape", "FROM \\  \n  alpine\n", "", "alpine"},
    {"comments and empty lines between",
	"FROM a\nRUN x \\\n# FROM b\n\n  # c \\\n  y\nCOPY --from=d / /\n", "", "a d"},
    {"an escaped escape ends the line", "FROM a\nRUN x \\\\\nCOPY --from=b / /\n", "", "a b"},
    {"the end in the middle", "FROM a\nRUN x \\", "", "a"},
    {"another escape", "# escape=`\nFROM `\n a\nRUN dir c:\\\nCOPY --from=b / /\n", "", "a b"},
    {"among other directives", "# syntax=docker/dockerfile:1\n#Escape = `\nFROM `\n a\n", "",
	"a"},
    {"too late for a directive", "#\n# escape=`\nFROM a\\\nb\n", "", "ab"},
    {"an indented comment", "  # FROM x\n\tFROM a\n", "", "a"},

    /* here-documents */
    {"in RUN", "FROM a\nRUN <<EOF\nFROM b\nCOPY --from=c / /\nEOF\nCOPY --from=d / /\n", "",
	"a d"},
    {"two of them",
	"FROM a\nCOPY <<one <<'two' /x/\nFROM b\none\nFROM c\ntwo\nCOPY --from=d / /\n", "",
	"a d"},
    {"with tabs", "FROM a\nRUN cat <<-EOF\n\tFROM b\n\tEOF\nCOPY --from=d / /\n", "", "a d"},
    {"tabs count without the dash", "FROM a\nRUN <<EOF\n\tEOF\nFROM b\nEOF\n", "", "a"},
    {"with a descriptor and a pipe", "FROM a\nRUN 3<<\"E F\" cat | sh\nFROM b\nE F\n", "", "a"},
    {"a here-string is none", "FROM a\nRUN cat <<<EOF\nCOPY --from=d / /\n", "", "a d"},
    {"a shift is none", "FROM a\nRUN echo $((1<<2)) \"<<x\" 'y <<z'\nCOPY --from=d / /\n", "",
	"a d"},
    {"the exec form has none",
	"FROM a\nRUN [\"sh\", \"-c\", \"cat <<EOF\"]\nCOPY --from=d / /\n", "", "a d"},
    {"ENV has none", "FROM a\nENV A=<<EOF\nCOPY --from=d / /\n", "", "a d"},
    {"in ONBUILD", "FROM a\nONBUILD RUN <<EOF\nFROM b\nEOF\n", "", "a"},
    {"without end", "FROM a\nRUN <<EOF\nFROM b\n", "", NULL},

    /* flags */
    {"a mount", "FROM a\nRUN --mount=type=bind,from=b,target=/x true\n", "", "a b"},
    {"a mount's name in capitals", "FROM a\nRUN --mount=Type=bind,From=b,target=/x true\n", "",
	"a b"},
    {"a mount of a stage",
	"FROM b AS x\nFROM a\nRUN --mount=from=X,target=/x --mount=type=cache,target=/c true\n",
	"", "a b"},
    {"a mount over lines",
	"FROM a\nRUN --mount=type=cache,target=/c \\\n    "
	"--mount=type=bind,from=b,source=/,target=/x \\\n    --network=none \\\n  make\n",
	"", "a b"},
    {"fields in quotes", "FROM a\nRUN --mount='type=bind,\"from=b\",target=/x' true\n", "",
	"a b"},
    {"a word of the command is no flag", "FROM a\nRUN make --mount=from=b\nCOPY x --from=c y\n",
	"", "a"},
    {"copies with other flags",
	"FROM a\nCOPY --link --chmod=755 --chown=1:1 --parents --exclude=*.o --from=b ./x /y\n",
	"", "a b"},
    {"ADD copies from no image", "FROM a\nADD --checksum=sha256:0 https://x/y /\n", "", "a"},
    {"an empty from", "FROM a\nCOPY --from= / /\n", "", NULL},

    /* ONBUILD, contexts */
    {"a trigger of an image that is made", "FROM a\nONBUILD COPY --from=b / /\n", "", "a"},
    {"a trigger of a stage", "FROM a AS x\nONBUILD COPY --from=b / /\nFROM x\n", "", "b a"},
    {"a context that is an image", "FROM a\nCOPY --from=src / /\n",
	"--build-context src=docker-image://alpine:3", "a alpine:3"},
    {"a context that is a directory", "FROM a\nCOPY --from=src / /\n",
	"--build-context=src=../x", "a"},

    /* refused */
    {"empty", "", "", NULL},
    {"comments alone", "# nothing\n", "", NULL},
    {"no FROM", "ARG A=1\n", "", NULL},
    {"RUN before FROM", "RUN x\nFROM a\n", "", NULL},
    {"FROM nothing", "FROM\n", "", NULL},
    {"FROM too much", "FROM a b\n", "", NULL},
    {"AS nothing", "FROM a AS\n", "", NULL},
};

static char *
joined(char **strings)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_puts(&b, "");
	for (char **s = strings; *s; s++)
		strbuf_printf(&b, "%s%s", b.len ? " " : "", *s);
	return strbuf_steal(&b);
}

static const char *const *
split(char *text)
{
	static const char *words[16];
	char *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " ", &save); w && n < 15; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	words[n] = NULL;
	return words;
}

static void
images_of_a_build(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(image_rows) / sizeof(image_rows[0]); i++) {
		const struct image_row *row = &image_rows[i];
		char *params = xstrdup(row->params), *got = NULL, **images = NULL;
		struct dockerfile d;

		if (dockerfile_parse(
			&d, row->title, row->text, strlen(row->text), split(params)) == 0)
			images = dockerfile_images(&d);
		if (images)
			got = joined(images);
		if (!row->images != !got || (got && strcmp(got, row->images) != 0))
			fail_msg("%s: got '%s', want '%s'", row->title, got ? got : "refused",
			    row->images ? row->images : "refused");
		free(got);
		free_strings(images);
		dockerfile_free(&d);
		free(params);
	}
}

/* ---- instructions ---- */

static void
instructions_with_flags_and_documents(void **unused)
{
	static const char text[] = "# syntax=docker/dockerfile:1.7\n"
				   "FROM debian:12-slim AS Run\n"
				   "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n"
				   "HEALTHCHECK --interval=30s --timeout=3s \\\n"
				   "  CMD [\"/probe\", \"http://127.0.0.1/\"]\n"
				   "copy --chmod=755 <<EOF /start\n"
				   "#!/bin/sh\n"
				   "exec \"$@\"\n"
				   "EOF\n"
				   "ENTRYPOINT [\"/old\"]\n"
				   "ENTRYPOINT [\"/start\"]\n"
				   "CMD server --port 80\n"
				   "FROM run\n"
				   "CMD [\"other\"]\n";
	const struct docker_stage *s;
	const struct docker_step *step;
	struct dockerfile d;

	(void)unused;
	assert_int_equal(dockerfile_parse(&d, "x", text, strlen(text), NULL), 0);
	assert_int_equal(d.stages, 2);
	assert_string_equal(d.stage[0].name, "run");
	assert_string_equal(d.stage[0].image, "debian:12-slim");
	s = dockerfile_result(&d);
	assert_int_equal(s->base, 0);
	assert_string_equal(dockerfile_last(&d, s, "ENTRYPOINT")->value, "[\"/start\"]");
	assert_string_equal(dockerfile_last(&d, s, "CMD")->value, "[\"other\"]");
	assert_string_equal(dockerfile_last(&d, &d.stage[0], "CMD")->value, "server --port 80");
	assert_null(dockerfile_last(&d, s, "USER"));
	step = dockerfile_last(&d, s, "HEALTHCHECK");
	assert_int_equal(step->line, 4);
	assert_int_equal(step->flags, 2);
	assert_string_equal(step->flag[1], "timeout=3s");
	assert_string_equal(step->value, "CMD [\"/probe\", \"http://127.0.0.1/\"]");
	step = dockerfile_last(&d, s, "COPY");
	assert_int_equal(step->documents, 1);
	assert_string_equal(step->document[0], "#!/bin/sh\nexec \"$@\"\n");
	assert_int_equal(dockerfile_last(&d, s, "CMD")->line, 14);
	dockerfile_free(&d);
}

static void
values_that_grow_without_bound(void **unused)
{
	struct strbuf b = STRBUF_INIT;
	struct dockerfile d;

	(void)unused;
	strbuf_puts(&b, "ARG A0=aaaaaaaaaaaaaaaa\n");
	for (int i = 0; i < 40; i++)
		strbuf_printf(&b, "ARG A%d=$A%d$A%d$A%d$A%d\n", i + 1, i, i, i, i);
	strbuf_puts(&b, "FROM a:$A40\n");
	assert_int_equal(dockerfile_parse(&d, "x", b.s, b.len, NULL), -1);
	dockerfile_free(&d);
	strbuf_cut(&b, 0);
	strbuf_puts(&b, "FROM ");
	for (int i = 0; i < 100000; i++)
		strbuf_puts(&b, "${a:-");
	assert_int_equal(dockerfile_parse(&d, "x", b.s, b.len, NULL), -1);
	dockerfile_free(&d);
	strbuf_cut(&b, 0);
	for (int i = 0; i < 1001; i++)
		strbuf_puts(&b, "FROM a\n");
	assert_int_equal(dockerfile_parse(&d, "x", b.s, b.len, NULL), -1);
	dockerfile_free(&d);
	assert_int_equal(dockerfile_parse(&d, "x", "FROM a\0b\n", 9, NULL), -1);
	dockerfile_free(&d);
	strbuf_free(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(images_of_a_build),
	    cmocka_unit_test(instructions_with_flags_and_documents),
	    cmocka_unit_test(values_that_grow_without_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* page: descriptions of hosts as pages of HTML. See page.1. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "serve.h"
#include "site.h"
#include "strbuf.h"
#include "streams.h"
#include "write.h"

enum { INPUT_MAX = 256 << 20, NAMES_MAX = 32 };

static int
usage(int status)
{
	fputs("usage: page -o DIR [FILE...]\n"
	      "       page serve --port N [--host NAME]...\n\n"
	      "descriptions of hosts (\"d page --json\") as pages of HTML; see page(1)\n",
	    status == EXIT_YES ? stdout : stderr);
	return status;
}

static int
add_file(struct site *s, int fd, const char *what)
{
	struct strbuf b = STRBUF_INIT;
	int bad = 0;

	if (fd < 0 || file_read(fd, INPUT_MAX, &b)) {
		report("read '%s':", what);
		bad = -1;
	} else if (b.len) {
		bad = site_add(s, b.s, b.len, what);
	}
	strbuf_free(&b);
	return bad;
}

static int
write_pages(const char *directory, char **files)
{
	struct site s = {0};
	int bad = 0;

	if (!*files)
		bad = add_file(&s, STDIN_FILENO, "standard input");
	for (; *files; files++) {
		cleanup_fd int fd = open(*files, O_RDONLY | O_CLOEXEC);

		bad |= add_file(&s, fd, *files);
	}
	site_finish(&s, NULL);
	bad = bad || write_site(&s, directory);
	site_free(&s);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
main(int argc, char **argv)
{
	enum { PORT = 256, HOST };
	static const struct option options[] = {{"output", required_argument, NULL, 'o'},
	    {"port", required_argument, NULL, PORT}, {"host", required_argument, NULL, HOST},
	    {"help", no_argument, NULL, 'h'}, {0}};
	const char *directory = NULL, *port = NULL, *hosts[NAMES_MAX + 1] = {NULL};
	size_t n = 0;
	int opt;

	streams_begin();
	report_prog = "page";
	while ((opt = getopt_long(argc, argv, "ho:", options, NULL)) != -1)
		if (opt == 'o')
			directory = optarg;
		else if (opt == PORT)
			port = optarg;
		else if (opt == HOST && n < NAMES_MAX)
			hosts[n++] = optarg;
		else
			return opt == 'h' ? streams_end(usage(EXIT_YES)) : usage(EXIT_TROUBLE);
	signal(SIGPIPE, SIG_IGN);
	if (directory && !port && !n)
		return write_pages(directory, argv + optind);
	if (!directory && port && argc - optind == 1 && strcmp(argv[optind], "serve") == 0)
		return serve(port, hosts);
	return usage(EXIT_TROUBLE);
}

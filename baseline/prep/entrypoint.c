#include "entrypoint.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "plan.h"
#include "starts.h"

enum { SCRIPT_MAX = 256 * 1024, LINKS_MAX = 40 };

static void keep_command(void *plan, const char *word, size_t len, size_t line);

/* The program of a "#!" line, and the one that /usr/bin/env is told to start. */
static void
keep_interpreter(struct plan *p, const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n), *last;
	size_t len = (size_t)((end ? end : text + n) - text), word, space;

	while (len > 0) {
		space = strspn(text, " \t");
		if (space >= len)
			return;
		text += space;
		len -= space;
		word = strcspn(text, " \t\r\n");
		if (word > len)
			word = len;
		keep_command(p, text, word, 0);
		last = memrchr(text, '/', word);
		if (!last || (size_t)(text + word - last) != 4 || memcmp(last, "/env", 4) != 0)
			return;
		text += word;
		len -= word;
	}
}

static void
keep_script_command(void *plan, const char *word, size_t len, size_t line)
{
	if (!commands_is_builtin(word, len))
		keep_command(plan, word, len, line);
}

static void
keep_script(struct plan *p, const char *text, size_t n)
{
	char shell[32];

	keep_interpreter(p, text + 2, n - 2);
	commands_shell(text, n, shell, sizeof(shell));
	if (*shell)
		commands_in(text, n, keep_script_command, p);
}

/* System V ABI, program header: PT_INTERP. Of this machine's word size and byte order only,
 * as all that an image can start here. */
static void
keep_loader(struct plan *p, const char *image, size_t n)
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	size_t i;

	if (n < sizeof(ehdr))
		return;
	memcpy(&ehdr, image, sizeof(ehdr));
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_phentsize != sizeof(phdr) ||
	    ehdr.e_phoff > n)
		return;
	for (i = 0; i < ehdr.e_phnum && (n - ehdr.e_phoff) / sizeof(phdr) > i; i++) {
		memcpy(&phdr, image + ehdr.e_phoff + i * sizeof(phdr), sizeof(phdr));
		if (phdr.p_type == PT_INTERP && phdr.p_offset < n &&
		    phdr.p_filesz <= n - phdr.p_offset && phdr.p_filesz > 1) {
			keep_command(p, image + phdr.p_offset, (size_t)phdr.p_filesz - 1, 0);
			return;
		}
	}
}

static void
keep_what_it_needs(struct plan *p, uint32_t i)
{
	cleanup_fd int fd = tree_open(p->tree, i);
	cleanup_free char *text = xmalloc(SCRIPT_MAX + 1);
	ssize_t got = fd < 0 ? -1 : pread(fd, text, SCRIPT_MAX, 0);
	size_t n = got > 0 ? (size_t)got : 0;

	text[n] = '\0';
	if (n > 2 && text[0] == '#' && text[1] == '!')
		keep_script(p, text, n);
	else if (n > SELFMAG && memcmp(text, ELFMAG, SELFMAG) == 0)
		keep_loader(p, text, n);
}

static void
keep_entry(struct plan *p, uint32_t i)
{
	struct tree *t = p->tree;
	int links;

	for (links = 0; i != NO_ENTRY && is_link(&t->e[i]) && links < LINKS_MAX; links++) {
		t->e[i].keep = 1;
		i = tree_resolve(t, t->e[i].parent, tree_target(t, i), 0);
	}
	if (i == NO_ENTRY || !is_file(&t->e[i]) || t->e[i].keep)
		return;
	t->e[i].keep = 1;
	keep_what_it_needs(p, i);
}

static void
keep_command(void *plan, const char *word, size_t len, size_t line)
{
	static const char *const directories[] = {"/usr/local/sbin/", "/usr/local/bin/",
	    "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
	struct plan *p = plan;
	cleanup_free char *name = xstrndup(word, len);
	size_t i;

	(void)line;
	if (*name == '\0' || (*name != '/' && strchr(name, '/')))
		return;
	if (*name == '/') {
		keep_entry(p, tree_resolve(p->tree, TREE_ROOT, name, 0));
		return;
	}
	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		cleanup_free char *path = xasprintf("%s%s", directories[i], name);
		uint32_t found = tree_resolve(p->tree, TREE_ROOT, path, 0);

		if (found != NO_ENTRY && !is_dir(&p->tree->e[found])) {
			keep_entry(p, found);
			return;
		}
	}
}

void
starts_mark(struct plan *p, const struct starts *s)
{
	if (s->script.len)
		commands_in(s->script.s, s->script.len, keep_command, p);
}

#include "families.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* The next word of a text; it points into the text. */
static int
next_word(const char **at, const char *between, const char **word, size_t *n)
{
	*at += strspn(*at, between);
	*word = *at;
	*n = strcspn(*at, between);
	*at += *n;
	return *n > 0;
}

struct globbed {
	struct closure *c;
	const char *reason;
	uint32_t by;
};

static void
keep_globbed(uint32_t i, void *arg)
{
	const struct globbed *g = arg;

	closure_keep(g->c, i, g->reason, g->by);
}

static void
keep_glob(struct closure *c, const char *pattern, const char *reason, uint32_t by)
{
	struct globbed g = {c, reason, by};

	tree_glob(c->tree, pattern, keep_globbed, &g);
}

static void
keep_files(struct closure *c, const char *const *patterns, const char *reason, uint32_t by)
{
	for (; *patterns; patterns++)
		keep_glob(c, *patterns, reason, by);
}

/* The directory n levels above an entry; NO_ENTRY where that is the root. */
static uint32_t
above(const struct closure *c, uint32_t i, unsigned n)
{
	while (n-- > 0 && i != TREE_ROOT)
		i = c->tree->e[i].parent;
	return i == TREE_ROOT ? NO_ENTRY : i;
}

static void
keep_all_in(struct closure *c, uint32_t directory, const char *reason, uint32_t by)
{
	if (directory != NO_ENTRY && is_dir(&c->tree->e[directory]))
		closure_below(c, directory, reason, by);
}

/* ---- the C library ---- */

static void
nss(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const directories[] = {
	    "/lib/*-linux-*/", "/usr/lib/*-linux-*/", "/lib64/", "/usr/lib64/", "/usr/lib/"};
	uint32_t file = tree_resolve(c->tree, TREE_ROOT, "/etc/nsswitch.conf", 1);
	size_t n, len, k;
	cleanup_free char *text = NULL;
	const char *at, *word;

	(void)path;
	if (file == NO_ENTRY || !closure_path(c, "/etc/nsswitch.conf", reason, i) ||
	    !(text = closure_text(c, file, &n)))
		return;
	for (at = text; next_word(&at, " \t\n", &word, &len);) {
		if (*word == '#') {
			at += strcspn(at, "\n");
			continue;
		}
		if (*word == '[' || word[len - 1] == ':')
			continue;
		for (k = 0; k < sizeof(directories) / sizeof(directories[0]); k++) {
			cleanup_free char *pattern =
			    xasprintf("%slibnss_%.*s.so*", directories[k], (int)len, word);

			keep_glob(c, pattern, reason, i);
		}
	}
}

static void
gconv(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	(void)path;
	keep_all_in(c, above(c, i, 1), reason, i);
}

static void
locale(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char directory[] = "/usr/lib/locale/";
	const char *slash = strchr(path + strlen(directory), '/');
	cleanup_free char *whole = slash ? xstrndup(path, (size_t)(slash - path)) : NULL;

	if (whole)
		keep_all_in(c, tree_resolve(c->tree, TREE_ROOT, whole, 1), reason, i);
}

/* ---- what libraries open by a name in a file ---- */

static void
pam(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const directories[] = {"/lib/*-linux-*/security/",
	    "/usr/lib/*-linux-*/security/", "/lib/security/", "/usr/lib/security/"};
	static const char *const settings[] = {
	    "/etc/security/*.conf", "/etc/pam.d/other", NULL};
	size_t n, len, k;
	cleanup_free char *text = closure_text(c, i, &n);
	const char *at, *word;
	int include = 0;

	(void)path;
	for (at = text; text && next_word(&at, " \t\n", &word, &len);) {
		cleanup_free char *name = xstrndup(word, len);

		if (*name == '#') {
			at += strcspn(at, "\n");
			continue;
		}
		if (include || *name == '/')
			closure_path(c, name, reason, i);
		include = strcmp(name, "@include") == 0 || strcmp(name, "include") == 0 ||
			  strcmp(name, "substack") == 0;
		if (len > 3 && strcmp(name + len - 3, ".so") == 0 && *name != '/')
			for (k = 0; k < sizeof(directories) / sizeof(directories[0]); k++) {
				cleanup_free char *pattern =
				    xasprintf("%s%s", directories[k], name);

				keep_glob(c, pattern, reason, i);
			}
	}
	keep_files(c, settings, reason, i);
}

/* A module whose name stands in openssl.cnf outside of a comment. */
static void
openssl(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const files[] = {
	    "/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"};
	static const char *const directories[] = {"ossl-modules", "engines-3", "engines-1.1"};
	const struct tree *t = c->tree;
	uint32_t file = NO_ENTRY, directory, k;
	size_t n, f;
	cleanup_free char *text = NULL;
	char *save = NULL, *line;

	(void)path;
	for (f = 0; f < sizeof(files) / sizeof(files[0]); f++)
		if (closure_path(c, files[f], reason, i) && file == NO_ENTRY)
			file = tree_resolve(t, TREE_ROOT, files[f], 1);
	text = file == NO_ENTRY ? NULL : closure_text(c, file, &n);
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, "#")] = '\0';
		for (f = 0; f < sizeof(directories) / sizeof(directories[0]); f++) {
			directory = tree_child(t, t->e[i].parent, directories[f]);
			for (k = directory == NO_ENTRY ? 0 : directory + 1;
			     directory != NO_ENTRY && k < t->e[directory].end;
			     k = t->e[k].end) {
				cleanup_free char *stem = xstrdup(tree_name(t, k));

				stem[strcspn(stem, ".")] = '\0';
				if (*stem && strstr(line, stem))
					closure_keep(c, k, reason, i);
			}
		}
	}
}

static void
icu(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const files[] = {"/usr/share/icu/*/*.dat", NULL};

	(void)path;
	keep_files(c, files, reason, i);
}

static void
certificates(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	if (strcmp(path, "/etc/ssl/certs/ca-certificates.crt") != 0)
		keep_all_in(c, above(c, i, 1), reason, i);
}

static void
terminfo(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const files[] = {"/lib/terminfo/d/dumb", "/lib/terminfo/l/linux",
	    "/lib/terminfo/s/screen*", "/lib/terminfo/t/tmux*", "/lib/terminfo/v/vt100",
	    "/lib/terminfo/v/vt220", "/lib/terminfo/x/xterm*", "/etc/terminfo/*/*", NULL};

	(void)path;
	keep_files(c, files, reason, i);
}

static void
magic(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const files[] = {"/etc/magic", "/usr/share/misc/magic*",
	    "/usr/share/file/magic*", "/usr/lib/file/magic.mgc", NULL};

	(void)path;
	keep_files(c, files, reason, i);
}

/* ---- languages ---- */

/* Of "…/site-packages/NAME/x/y.py" the entry NAME; base is how many bytes of path the
 * directory has, without its slash at the end. */
static uint32_t
part_below(const struct closure *c, const char *path, size_t base)
{
	size_t n = base + 1 + strcspn(path + base + 1, "/");
	cleanup_free char *part = xstrndup(path, n);

	return tree_resolve(c->tree, TREE_ROOT, part, 0);
}

/* The last place in path where "/WORD/" stands, or NULL; *after is behind it. */
static const char *
last_part(const char *path, const char *word, const char **after)
{
	size_t n = strlen(word);
	const char *at, *found = NULL;

	for (at = path; (at = strstr(at, word)); at++)
		if (at > path && at[-1] == '/' && at[n] == '/')
			found = at;
	if (found)
		*after = found + n + 1;
	return found;
}

/* "Foo_Bar-1.2.dist-info" is about foo-bar. */
static int
is_about(const char *info, const char *name)
{
	for (; *name && *name != '.'; info++, name++) {
		char a = *info == '-' || *info == '.' ? '_' : *info;
		char b = *name == '-' ? '_' : *name;

		if ((a | 0x20) != (b | 0x20))
			return 0;
	}
	return *info == '-' || *info == '.';
}

/* A module's source and what Python compiled of it go together. */
static void
python_counterpart(struct closure *c, uint32_t i, const char *reason)
{
	const struct tree *t = c->tree;
	uint32_t directory = t->e[i].parent, k;
	const char *name = tree_name(t, i);
	size_t stem = strcspn(name, ".");

	if (strcmp(tree_name(t, directory), "__pycache__") == 0) {
		cleanup_free char *source = xasprintf("%.*s.py", (int)stem, name);

		k = tree_child(t, t->e[directory].parent, source);
		if (k != NO_ENTRY)
			closure_keep(c, k, reason, i);
		return;
	}
	directory = tree_child(t, directory, "__pycache__");
	for (k = directory == NO_ENTRY ? 0 : directory + 1;
	     directory != NO_ENTRY && k < t->e[directory].end; k = t->e[k].end)
		if (strncmp(tree_name(t, k), name, stem + 1) == 0)
			closure_keep(c, k, reason, i);
}

/* Python loads character sets by name; of a hundred, those that the list names stay. */
static int
is_character_set(const char *name)
{
	static const char *const starts[] = {"big5", "cp", "euc_", "gb", "hp_roman8", "hz",
	    "iso2022", "iso8859_", "johab", "koi8", "kz1048", "mac_", "palmos", "ptcp154",
	    "shift_jis", "tis_620"};
	size_t k;

	for (k = 0; k < sizeof(starts) / sizeof(starts[0]); k++)
		if (strncmp(name, starts[k], strlen(starts[k])) == 0)
			return 1;
	return 0;
}

static void
keep_encodings(struct closure *c, uint32_t directory, const char *reason, uint32_t by)
{
	uint32_t i;

	for (i = directory; i < c->tree->e[directory].end; i++)
		if (!is_character_set(tree_name(c->tree, i)))
			closure_keep(c, i, reason, by);
}

/* The whole import package that the file belongs to, with its distribution's metadata. */
static int
python_package(
    struct closure *c, uint32_t i, const char *path, const char *where, const char *reason)
{
	const struct tree *t = c->tree;
	const char *after, *at = last_part(path, where, &after);
	uint32_t part, directory, k;

	if (!at)
		return 0;
	part = part_below(c, path, (size_t)(after - 1 - path));
	if (part == NO_ENTRY)
		return 1;
	directory = t->e[part].parent;
	if (strcmp(tree_name(t, part), "__pycache__") != 0 && is_dir(&t->e[part]))
		keep_all_in(c, part, reason, i);
	for (k = directory + 1; k < t->e[directory].end; k = t->e[k].end) {
		const char *info = tree_name(t, k), *end = strrchr(info, '.');

		if (end && (strcmp(end, ".dist-info") == 0 || strcmp(end, ".egg-info") == 0) &&
		    is_about(info, tree_name(t, part)))
			closure_below(c, k, reason, i);
	}
	return 1;
}

/* Of the standard library: the package or module, and the modules that report errors, which
 * successful tests never load. */
static void
python(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const faults[] = {"traceback.py", "linecache.py", "tokenize.py",
	    "token.py", "textwrap.py", "contextlib.py", "warnings.py", "codeop.py",
	    "sysconfig.py", NULL};
	const char *at = strstr(path, "/python3"), *after;
	uint32_t library, part;
	size_t n;

	python_counterpart(c, i, reason);
	if (python_package(c, i, path, "site-packages", reason) ||
	    python_package(c, i, path, "dist-packages", reason))
		return;
	after = at ? strchr(at + 1, '/') : NULL;
	if (!after)
		return;
	part = part_below(c, path, (size_t)(after - path));
	if (part == NO_ENTRY)
		return;
	library = c->tree->e[part].parent;
	if (tree_child(c->tree, library, "os.py") == NO_ENTRY)
		return;
	if (strcmp(tree_name(c->tree, part), "lib-dynload") != 0 &&
	    strcmp(tree_name(c->tree, part), "__pycache__") != 0 &&
	    strcmp(tree_name(c->tree, part), "encodings") != 0)
		keep_all_in(c, part, reason, i);
	for (n = 0; faults[n]; n++) {
		uint32_t module = tree_child(c->tree, library, faults[n]);

		if (module != NO_ENTRY)
			closure_keep(c, module, reason, i);
	}
	part = tree_child(c->tree, library, "encodings");
	if (part != NO_ENTRY)
		keep_encodings(c, part, reason, i);
}

/* What a distribution's package has of modules, but for those of the language itself: with one
 * of them come all. What another of the family brought has brought its package, too. */
static void
module_package(struct closure *c, uint32_t i, const char *path, const char *begin,
    const char *const *ends, const char *reason)
{
	if (c->kept[i].reason != reason && fnmatch(begin, path, FNM_NOESCAPE) == 0)
		closure_package(c, path, begin, ends, reason, i);
}

/* Foo/Bar.pm brings Foo/Bar/ and auto/Foo/Bar/ along, and the package that it is of. */
static void
perl(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	const struct tree *t = c->tree;
	uint32_t directory = t->e[i].parent, compiled;
	cleanup_free char *name = xstrdup(tree_name(t, i));
	static const char *const ends[] = {".pm", ".pl", ".al", ".ix", ".so", NULL};

	module_package(c, i, path, "*/perl5/*", ends, reason);
	name[strlen(name) - 3] = '\0';
	compiled = tree_child(t, directory, name);
	if (compiled != NO_ENTRY && is_dir(&t->e[compiled]))
		keep_all_in(c, compiled, reason, i);
	for (; directory != TREE_ROOT; directory = t->e[directory].parent) {
		uint32_t autos = tree_child(t, directory, "auto"), at;
		struct strbuf tail = STRBUF_INIT, base = STRBUF_INIT;

		if (autos == NO_ENTRY)
			continue;
		strbuf_puts(&tail, path + strlen(tree_path(t, directory, &base)) + 1);
		strbuf_cut(&tail, tail.len - 3);
		at = tree_resolve(t, autos, tail.s, 1);
		if (at != NO_ENTRY)
			keep_all_in(c, at, reason, i);
		strbuf_free(&tail);
		strbuf_free(&base);
		break;
	}
}

/* Not the programs in its bin/, which are for who works with it by hand and would bring what
 * starts them: who needs one has a test that does. */
static void
keep_node_package(struct closure *c, uint32_t package, const char *reason, uint32_t by)
{
	const struct tree *t = c->tree;
	uint32_t bin, i;

	if (package == NO_ENTRY || !is_dir(&t->e[package]))
		return;
	bin = tree_child(t, package, "bin");
	for (i = package; i < t->e[package].end; i++)
		if (bin == NO_ENTRY || i < bin || i >= t->e[bin].end || !is_file(&t->e[i]) ||
		    !(t->e[i].mode & 0111))
			closure_keep(c, i, reason, by);
}

static void
node(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	const char *after, *end;
	cleanup_free char *part = NULL;

	if (!last_part(path, "node_modules", &after) &&
	    !last_part(path, "nodejs", &after)) /* Debian's /usr/share/nodejs */
		return;
	end = strchr(after, '/');
	if (end && *after == '@')
		end = strchr(end + 1, '/');
	if (!end)
		return;
	part = xstrndup(path, (size_t)(end - path));
	keep_node_package(c, tree_resolve(c->tree, TREE_ROOT, part, 1), reason, i);
}

/* Gems; and of Ruby's own library and of what Debian's packages put beside it NAME.rb with
 * NAME/. Encodings are loaded by name. */
static void
ruby_gem(struct closure *c, uint32_t i, const char *path, const char *after, const char *reason)
{
	uint32_t gem = part_below(c, path, (size_t)(after - 1 - path)), gems, specification;
	cleanup_free char *file = NULL;

	/* A gem's directory is NAME-VERSION; ".../gems/3.3.0" is that of all of them. */
	if (gem == NO_ENTRY || !is_dir(&c->tree->e[gem]) ||
	    !strchr(tree_name(c->tree, gem), '-'))
		return;
	keep_all_in(c, gem, reason, i);
	gems = above(c, gem, 2);
	file = xasprintf("specifications/%s.gemspec", tree_name(c->tree, gem));
	specification = gems == NO_ENTRY ? NO_ENTRY : tree_resolve(c->tree, gems, file, 1);
	if (specification != NO_ENTRY)
		closure_keep(c, specification, reason, i);
}

static void
ruby(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const ends[] = {".rb", ".so", ".gemspec", ".json", ".pem", NULL};
	const struct tree *t = c->tree;
	const char *after;
	uint32_t k;

	if (last_part(path, "gems", &after) && strchr(after, '/')) {
		ruby_gem(c, i, path, after, reason);
		return;
	}
	module_package(c, i, path, "*/ruby/vendor_ruby/*", ends, reason);
	if (strcmp(tree_name(t, t->e[i].parent), "enc") == 0)
		keep_all_in(c, above(c, i, 1), reason, i);
	if (strcmp(path + strlen(path) - 3, ".rb") == 0) {
		cleanup_free char *stem =
		    xstrndup(tree_name(t, i), strlen(tree_name(t, i)) - 3);

		k = tree_child(t, t->e[i].parent, stem);
		if (k != NO_ENTRY)
			keep_all_in(c, k, reason, i);
	}
}

/* "extension=NAME" in php.ini and the files beside it. */
static void
php_extensions(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	size_t n, len;
	cleanup_free char *text = closure_text(c, i, &n);
	const char *at, *word;
	int named = 0;

	(void)path;
	for (at = text; text && next_word(&at, " \t\r\n=\"'", &word, &len);) {
		if (*word == ';' || *word == '#') {
			at = word + strcspn(word, "\n");
			continue;
		}
		if (named) {
			int whole = len > 3 && strncmp(word + len - 3, ".so", 3) == 0;
			cleanup_free char *pattern =
			    *word == '/' ? xstrndup(word, len)
					 : xasprintf("/usr/lib/php*/*/%.*s%s", (int)len, word,
					       whole ? "" : ".so");

			keep_glob(c, pattern, reason, i);
		}
		named = (len == 9 && strncmp(word, "extension", len) == 0) ||
			(len == 14 && strncmp(word, "zend_extension", len) == 0);
	}
}

static void
php(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const ends[] = {".php", ".json", ".xml", ".inc", ".phtml", NULL};
	const char *after, *vendor, *end;
	cleanup_free char *part = NULL;

	module_package(c, i, path, "/usr/share/php/*", ends, reason);
	if (!last_part(path, "vendor", &after) || !(vendor = strchr(after, '/')) ||
	    !(end = strchr(vendor + 1, '/')))
		return;
	part = xstrndup(path, (size_t)(end - path));
	keep_all_in(c, tree_resolve(c->tree, TREE_ROOT, part, 1), reason, i);
}

/* The run-time environment around lib/server/libjvm.so: who first needs its rules for ciphers
 * or networks in production finds them. */
static void
java(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	const struct tree *t = c->tree;
	uint32_t lib = above(c, i, 2), home, conf;

	(void)path;
	if (lib != NO_ENTRY && strcmp(tree_name(t, lib), "lib") != 0)
		lib = above(c, lib, 1); /* lib/amd64/server, of old */
	keep_all_in(c, lib, reason, i);
	home = lib == NO_ENTRY ? NO_ENTRY : above(c, lib, 1);
	conf = home == NO_ENTRY ? NO_ENTRY : tree_child(t, home, "conf");
	keep_all_in(c, conf, reason, i);
	keep_glob(c, "/etc/java*/*", reason, i);
}

/* ---- servers ---- */

/* The word behind each directive of a name, as a path of its own or below a directory. */
static void
modules_named(struct closure *c, uint32_t i, const char *directive, unsigned skip,
    const char *const *directories, const char *reason)
{
	size_t n, len, k;
	cleanup_free char *text = closure_text(c, i, &n);
	const char *at, *word;

	for (at = text; text && next_word(&at, " \t\n", &word, &len);) {
		unsigned s;

		if (*word == '#') {
			at += strcspn(at, "\n");
			continue;
		}
		if (len != strlen(directive) || strncasecmp(word, directive, len) != 0)
			continue;
		for (s = 0; s <= skip; s++)
			if (!next_word(&at, " \t\n;\"'", &word, &len))
				return;
		for (k = 0; directories[k]; k++) {
			cleanup_free char *path =
			    *word == '/' ? xstrndup(word, len)
					 : xasprintf("%s/%.*s", directories[k], (int)len, word);

			if (closure_path(c, path, reason, i))
				break;
		}
	}
}

static void
nginx(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const directories[] = {
	    "/usr/share/nginx", "/etc/nginx", "/usr/lib/nginx", "/var/lib/nginx", NULL};

	(void)path;
	modules_named(c, i, "load_module", 0, directories, reason);
}

static void
apache(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	static const char *const directories[] = {
	    "/etc/apache2", "/usr/lib/apache2", "/usr/local/apache2", "/var/www", NULL};

	(void)path;
	modules_named(c, i, "LoadModule", 1, directories, reason);
}

/* "right" counts leap seconds, "posix" is a copy: neither is kept. */
static void
keep_time_zones(struct closure *c, const char *reason, uint32_t by)
{
	const struct tree *t = c->tree;
	uint32_t zones = tree_resolve(t, TREE_ROOT, "/usr/share/zoneinfo", 1), i;

	for (i = zones == NO_ENTRY ? 0 : zones + 1; zones != NO_ENTRY && i < t->e[zones].end;
	     i = t->e[i].end)
		if (strcmp(tree_name(t, i), "right") != 0 &&
		    strcmp(tree_name(t, i), "posix") != 0)
			closure_below(c, i, reason, by);
}

/* Who reads the list of zones, or has a library for them, takes any of them by its name. */
static void
zoneinfo(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	(void)path;
	keep_time_zones(c, reason, i);
}

/* What SQL can name: extensions, conversions, dictionaries, time zones. Not the JIT compiler,
 * which PostgreSQL does without where it is missing, nor what configuration alone can load, at
 * the start: who has it there has a test that opens it. */
static int
is_for_sql(const char *name)
{
	return strncmp(name, "llvm", 4) != 0 && strcmp(name, "sepgsql.so") != 0;
}

static void
postgresql(struct closure *c, uint32_t i, const char *path, const char *reason)
{
	const struct tree *t = c->tree;
	uint32_t version = above(c, i, 2), libraries, k;
	cleanup_free char *share = NULL;

	(void)path;
	if (version == NO_ENTRY)
		return;
	libraries = tree_child(t, version, "lib");
	for (k = libraries == NO_ENTRY ? 0 : libraries + 1;
	     libraries != NO_ENTRY && k < t->e[libraries].end; k = t->e[k].end)
		if (is_file(&t->e[k]) && is_for_sql(tree_name(t, k)))
			closure_keep(c, k, reason, i);
	share = xasprintf("/usr/share/postgresql/%s", tree_name(t, version));
	for (k = tree_resolve(t, TREE_ROOT, share, 1), libraries = k;
	     libraries != NO_ENTRY && k < t->e[libraries].end; k++)
		if (!strstr(tree_path(t, k, &c->path), "/man/") && !is_dir(&t->e[k]))
			closure_keep(c, k, reason, i);
	keep_time_zones(c, reason, i);
}

/* path: as fnmatch(3) has it, '*' also over slashes. */
static const struct family {
	const char *path, *reason;
	void (*keep)(struct closure *c, uint32_t i, const char *path, const char *reason);
} families[] = {
    {"*/libc.so.6", "family nss: nsswitch.conf and the modules that it names, for %s", nss},
    {"*/gconv/*.so", "family gconv: character sets beside %s", gconv},
    {"/usr/lib/locale/*/*", "family locale: the locale of %s", locale},
    {"/etc/pam.d/*", "family pam: named in %s", pam},
    {"/usr/lib/pam.d/*", "family pam: named in %s", pam},
    {"*/libcrypto.so.*",
	"family openssl: its configuration and the modules named there, for %s", openssl},
    {"*/libicuuc.so.*", "family icu: data of %s", icu},
    {"/etc/ssl/certs/*", "family certificates: beside %s", certificates},
    {"*/terminfo/?/*", "family terminfo: the usual terminals beside %s", terminfo},
    {"*/zoneinfo/*.tab", "family zoneinfo: the zones that %s lists", zoneinfo},
    {"*/zoneinfo/tzdata.zi", "family zoneinfo: the zones that %s lists", zoneinfo},
    {"*/python3*/zoneinfo/*", "family zoneinfo: the zones that %s finds by name", zoneinfo},
    {"*-packages/dateutil/tz/*", "family zoneinfo: the zones that %s finds by name", zoneinfo},
    {"*-packages/pytz/*", "family zoneinfo: the zones that %s finds by name", zoneinfo},
    {"*/tzinfo/*.rb", "family zoneinfo: the zones that %s finds by name", zoneinfo},
    {"*/libmagic.so.*", "family magic: data of %s", magic},
    {"*.py", "family python: package of %s", python},
    {"*.pyc", "family python: package of %s", python},
    {"*/python3*.so", "family python: package of %s", python},
    {"*.pm", "family perl: module of %s", perl},
    {"*/node_modules/*", "family node: package of %s", node},
    {"/usr/share/nodejs/*", "family node: package of %s", node},
    {"*/gems/*", "family ruby: gem of %s", ruby},
    {"*/ruby/*.rb", "family ruby: library of %s", ruby},
    {"*/ruby/*/enc/*.so", "family ruby: encodings beside %s", ruby},
    {"*/php/*.ini", "family php: extension named in %s", php_extensions},
    {"/usr/share/php/*.php", "family php: package of %s", php},
    {"*/vendor/*.php", "family php: package of %s", php},
    {"*/lib/server/libjvm.so", "family java: run-time environment of %s", java},
    {"*/lib/*/server/libjvm.so", "family java: run-time environment of %s", java},
    {"*/nginx/*.conf", "family nginx: module named in %s", nginx},
    {"*/apache2/*.load", "family apache: module named in %s", apache},
    {"*/apache2/*.conf", "family apache: module named in %s", apache},
    {"/usr/lib/postgresql/*/bin/postgres", "family postgresql: what SQL may name in %s",
	postgresql},
};

void
families_of(struct closure *c, uint32_t i, const char *path)
{
	size_t k;

	for (k = 0; k < sizeof(families) / sizeof(families[0]); k++)
		if (fnmatch(families[k].path, path, FNM_NOESCAPE) == 0)
			families[k].keep(c, i, path, families[k].reason);
}

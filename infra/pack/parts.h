/* What an image is made of: packages, sources, our programs, and which file is whose. */
#ifndef PACK_PARTS_H
#define PACK_PARTS_H

#include <jansson.h>
#include <stddef.h>

struct claims;
struct listing;
struct pins;
struct tree;

enum part_kind {
	PART_IMAGE,   /* what the image's own directory brings: copied files and what steps made
		       */
	PART_SYSTEM,  /* the distribution */
	PART_APK,     /* a package of Alpine's */
	PART_DEB,     /* a package of Debian's */
	PART_PROGRAM, /* one of ours, by its package note */
	PART_SOURCE,  /* a pinned source, as a program of its own or linked into one */
};

struct part {
	enum part_kind kind;
	char *name, *version; /* version "" where there is none */
	char *arch, *description, *url, *license, *origin, *commit; /* NULL where unknown */
	char *origin_version; /* the source package's; NULL where it is the same */
	char *ref;            /* "apk/musl": its name in the SBOMs */
	size_t *uses;         /* indices of parts that it is linked with or depends on */
	size_t use_count;
	size_t files;      /* of the image: regular files and links */
	int without_files; /* a package that has none anywhere */
	int listed;        /* in the image: has files, or is in something that has */
};

struct parts {
	struct part *part; /* [0] is the image itself */
	size_t count;
	size_t *owner; /* for each item of the listing; PART_NONE for directories */
	const struct pins *pins;
	struct paths *paths; /* which path is whose, gone ones too */
};

#define PART_NONE ((size_t)-1)

struct parts_from {
	const char *name;        /* the image's */
	const struct tree *tree; /* before and after: gone[] too */
	const struct pins *pins;
	const struct claims *claims;
	const json_t *base; /* the base's CycloneDX SBOM, as we wrote it; NULL where none */
};

/*
 * Collects what the image may be made of: apk's packages (from the database as it last was
 * in any layer), the base's parts, the distribution. What from points to must outlive it.
 * Returns 0, or -1 after a report(); the caller frees in both cases.
 */
int parts_open(struct parts *p, const struct parts_from *from);

/* The part that a path belongs or belonged to, by apk's database, else by the claims, else
 * by the base; PART_NONE. The path has no '/' at its ends. */
size_t parts_of_path(struct parts *p, const char *path);

/*
 * Gives each file of the listing to a part: by its own package note, else as parts_of_path()
 * does, else to the image itself; a link goes with what it leads to.
 */
void parts_assign(struct parts *p, const struct listing *l);
void parts_free(struct parts *p);

/* Whether it is of a distribution's package manager. */
int is_package(enum part_kind kind);

/* The word for a kind in SBOMs ("apk"), and back; PART_IMAGE for an unknown one. */
const char *part_kind_word(enum part_kind kind);
enum part_kind part_kind_of(const char *word);

/* Package URL (purl specification) and CPE 2.3 name, "" where there is none. free(3) them. */
char *part_purl(const struct parts *p, const struct part *part);
char *part_cpe(const struct part *part);

/* Whether a licence is a well-formed SPDX expression, by its grammar. */
int is_license_expression(const char *text);

#endif

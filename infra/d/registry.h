/* What registries have, asked by skopeo(1) without pulling anything. Each question is asked
 * once a run. */
#ifndef WHITTLE_REGISTRY_H
#define WHITTLE_REGISTRY_H

#include "pool.h"

enum answer {
	ANSWER_YES,
	ANSWER_GONE,   /* there is no such tag or repository */
	ANSWER_DENIED, /* without or with the wrong credentials */
	ANSWER_BUSY,   /* too many requests: that registry isn't asked any more in this run */
	ANSWER_FAILED,
};

/* An image's name in its parts: "host/repo", "tag", "sha256:…"; NULL where one isn't there. */
struct reference {
	const char *repository, *tag, *digest;
};

struct reference reference_parse(const char *text);

/* The digest of what the tag names, as pinned references have it. why: for people. */
enum answer registry_digest(
    const char *repository, const char *tag, const char **digest, const char **why);

/* All tags of a repository. */
enum answer registry_tags(const char *repository, const struct words **tags, const char **why);

#endif

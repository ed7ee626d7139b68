/* Values of settings.yaml: what runs: names, image, user, environment. */
#ifndef WHITTLE_VALUES_NAMES_H
#define WHITTLE_VALUES_NAMES_H

#include <stddef.h>

#include "reader.h"

take take_env, take_env_file, take_group, take_hostname, take_image, take_label, take_name,
    take_repo1, take_repo2, take_tag, take_user;

struct pair;
struct pairs;
struct settings;

/* A name of letters, digits and '_' that doesn't begin with a digit. */
bool is_variable(const char *name, size_t len);

/* The pair of that name gets this value, or there is a new one. */
void put_pair(struct pairs *list, struct pair p);

/* Adds what a file of NAME=VALUE lines says, or an error that names file and line. Values are
 * taken as they are; empty lines and those that begin with '#' say nothing. */
void read_env_file(struct settings *s, const char *path, struct pairs *out);

#endif

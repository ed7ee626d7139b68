/*
 * Which map a container gets: the rules of podman and docker over the host's account
 * files. Everything here only computes; nothing asks an engine or changes a file.
 *
 * All functions that fill a map: *m is empty before; 0, or -1 with the reason added to
 * why (one line, lower case, no full stop). m is the caller's to free in both cases.
 */
#ifndef WHITTLE_USERNS_H
#define WHITTLE_USERNS_H

#include <stddef.h>
#include <stdint.h>

#include "accounts.h"
#include "idmap.h"
#include "subid.h"

struct strbuf;

/* The files that decide. */
struct userns_files {
	struct accounts passwd, group;
	struct subids subuid, subgid;
};

/* Reads etc/{passwd,group,subuid,subgid} below rootfd. A file that isn't there is an
 * empty one; a wrong line in subuid or subgid is an error, since the engines refuse the
 * whole file then. Returns 0, or -1 with why; the caller frees in both cases. */
int userns_files_read(struct userns_files *f, int rootfd, struct strbuf *why);
void userns_files_free(struct userns_files *f);

/*
 * The ids of a user alone, 0 and on: every range of theirs, by name and by number, the
 * lowest first. podman run --subuidname; what newuidmap(1) permits. user: name or number.
 */
int userns_subids(
    struct idmap *m, const struct userns_files *f, const char *user, struct strbuf *why);

/*
 * What podman unshare shows, and what a container of rootless podman gets that asks for
 * nothing else: 0 is the user, 1 and on are the ranges as in userns_subids. A user without
 * ranges has the one id. Rootless docker does the same, where there is one range.
 */
int userns_rootless(
    struct idmap *m, const struct userns_files *f, const char *user, struct strbuf *why);

/*
 * docker with userns-remap: setting is that option's value, "default", USER, USER:GROUP,
 * by name or number. Ranges stand in the order of the file; a user's entries by number
 * hide those by name; groups go by the user's entries in subgid, GROUP decides nothing.
 */
int userns_docker(
    struct idmap *m, const struct userns_files *f, const char *setting, struct strbuf *why);

/*
 * The same of a daemon that runs, from what it says of itself ("docker info" with
 * '{{.DockerRootDir}}'): where that ends in UID.GID, root inside is UID outside, and the
 * map is the one of userns_docker that begins so. Else the identity.
 */
int userns_docker_running(
    struct idmap *m, const struct userns_files *f, const char *root_dir, struct strbuf *why);

/* What podman run was, or will be, asked for. All but user may be NULL or empty. */
struct userns_podman {
	const char *user;          /* whose rootless podman; NULL: root's */
	const char *userns;        /* the value of --userns */
	const char *const *uidmap; /* values of --uidmap, NULL-terminated */
	const char *const *gidmap; /* the same of --gidmap */
	const struct idmap *taken; /* for auto: maps of the containers that there are, */
	size_t taken_count;        /* as ids of the host */
};

/*
 * --userns: "", host, keep-id[:uid=N,gid=N], nomap, private (with uidmap), auto:size=N
 * [,uidmapping=M][,gidmapping=M]; container: and ns: name something that runs: ask that.
 * Without a size podman looks into the image, so that auto alone is refused here: create the
 * container, then read its map (userns_inspected).
 */
int userns_podman(struct idmap *m, const struct userns_files *f, const struct userns_podman *p,
    struct strbuf *why);

/*
 * The map of a podman container that exists, running or only created: json is what podman
 * inspect --format '{{json .HostConfig.IDMappings}}' prints, "null" where the container
 * has no namespace of its own. user as in userns_podman: what podman shows to a rootless
 * user are ids inside the user's own namespace.
 */
int userns_inspected(struct idmap *m, const struct userns_files *f, const char *user,
    const char *json, struct strbuf *why);

#endif

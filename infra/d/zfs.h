/*
 * Snapshots of ZFS's datasets, by zfs(8): DATASET@whittle-ID. What is in one is read by way of
 * a clone, DATASET/whittle-ID, which is there only as long as that takes.
 */
#ifndef WHITTLE_ZFS_H
#define WHITTLE_ZFS_H

#include <stdbool.h>

/* The dataset that is mounted at exactly that path and that this process may snapshot; NULL. */
const char *zfs_dataset_at(const char *path);

/* The name of such a snapshot; and whether a text may be one of that ID. */
const char *zfs_snapshot_name(const char *dataset, const char *id);
bool zfs_is_snapshot_name(const char *name, const char *id);

/* Takes it; one of that name that is there already goes. 0, or -1 after a message. */
int zfs_take(const char *snapshot);

/* Its files, read-only, at a directory that is there. 0, or -1 after a message. */
int zfs_open(const char *snapshot, const char *at);
int zfs_close(const char *snapshot);

/* Destroys it and what a cut off zfs_open() left; none is fine. 0, or -1 after a message. */
int zfs_remove(const char *snapshot);

/* The bytes that it refers to, and those that go with it. 0, or -1 after a message. */
int zfs_space(const char *snapshot, unsigned long long *all, unsigned long long *own);

#endif

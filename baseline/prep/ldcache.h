/* /etc/ld.so.cache: where glibc's loader finds libraries by their names. */
#ifndef PREP_LDCACHE_H
#define PREP_LDCACHE_H

#include <stddef.h>

/*
 * Calls found with the path of each library of that name (several: of other processors or
 * variants). Both forms of the file are read, the old one with the new one behind it and the
 * new one alone (glibc's dl-cache.h: "ld.so-1.7.0", "glibc-ld.so.cache1.1"). Any bytes will do.
 */
void ldcache_find(const char *cache, size_t n, const char *name,
    void (*found)(const char *path, void *arg), void *arg);

#endif

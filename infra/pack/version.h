/* Versions as Alpine orders them, which fits what other upstreams write too. */
#ifndef PACK_VERSION_H
#define PACK_VERSION_H

/*
 * Compares "1.36.1-r29" and its like (apk-package(5)): numbers, one letter, suffixes
 * (_alpha _beta _pre _rc come before the release, _cvs _svn _git _hg _p after it), -rN.
 * Less than, equal to or greater than 0, as strcmp(3).
 */
int version_compare(const char *a, const char *b);

/* Whether it is a release's version: numbers with dots, maybe one letter. */
int is_release(const char *version);

#endif

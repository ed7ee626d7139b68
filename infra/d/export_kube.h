/* Kubernetes' manifests, with a kustomization. */
#ifndef WHITTLE_EXPORT_KUBE_H
#define WHITTLE_EXPORT_KUBE_H

#include <jansson.h>

#include "pool.h"

struct container;
struct export;

void export_kube(struct export *x);

/* What a container's objects are called there, and the metadata of one: its name and labels. */
const char *export_kube_name(const char *key);
void export_kube_services(const struct container *c, struct words *names);
json_t *export_kube_meta(const char *name, const char *app);

#endif

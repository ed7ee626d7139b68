/* Kubernetes' manifests, with a kustomization. */
#ifndef WHITTLE_EXPORT_KUBE_H
#define WHITTLE_EXPORT_KUBE_H

#include "pool.h"

struct container;
struct export;

void export_kube(struct export *x);

/* What a container's objects are called there. */
const char *export_kube_name(const char *key);
void export_kube_services(const struct container *c, struct words *names);

#endif

/* Kubernetes' manifests, with a kustomization. */
#ifndef WHITTLE_EXPORT_KUBE_H
#define WHITTLE_EXPORT_KUBE_H

struct export;

void export_kube(struct export *x);

/* What a container's objects are called there. */
const char *export_kube_name(const char *key);

#endif

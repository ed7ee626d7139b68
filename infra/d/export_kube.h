/* Kubernetes' manifests, with a kustomization. */
#ifndef WHITTLE_EXPORT_KUBE_H
#define WHITTLE_EXPORT_KUBE_H

struct export;

void export_kube(struct export *x);

#endif

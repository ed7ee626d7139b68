/* Units of podman's Quadlet, podman-systemd.unit(5). */
#ifndef WHITTLE_EXPORT_QUADLET_H
#define WHITTLE_EXPORT_QUADLET_H

struct export;

void export_quadlet(struct export *x);

#endif

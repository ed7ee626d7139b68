/* A health check as podman takes it, by the command line and in Quadlet. */
#ifndef WHITTLE_PODMAN_HEALTH_H
#define WHITTLE_PODMAN_HEALTH_H

struct words;

/* A command without a shell, as podman's --health-cmd and Quadlet's HealthCmd take it. */
const char *podman_health(const struct words *command);

#endif

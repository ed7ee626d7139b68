/* Values of settings.yaml: limits and privileges. */
#ifndef WHITTLE_VALUES_LIMITS_H
#define WHITTLE_VALUES_LIMITS_H

#include "reader.h"

take take_cap, take_cpus, take_seccomp, take_sysctl, take_verify_key, take_ulimit, take_userns;

#endif

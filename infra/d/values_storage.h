/* Values of settings.yaml: mounts, devices, volumes. */
#ifndef WHITTLE_VALUES_STORAGE_H
#define WHITTLE_VALUES_STORAGE_H

#include "reader.h"

take take_device, take_gpus, take_mount_device, take_mount_ro, take_mount_rw, take_needs_mount,
    take_relabel, take_tmpfs, take_vol_base, take_vol_defaults, take_volume;

#endif

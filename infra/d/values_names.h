/* Values of settings.yaml: what runs: names, image, user, environment. */
#ifndef WHITTLE_VALUES_NAMES_H
#define WHITTLE_VALUES_NAMES_H

#include "reader.h"

take take_env, take_hostname, take_image, take_label, take_name, take_repo1, take_repo2,
    take_tag, take_user;

#endif

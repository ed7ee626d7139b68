/* The verbs' functions, by the file that they stand in. */
#ifndef WHITTLE_VERBS_H
#define WHITTLE_VERBS_H

#include "app.h"

/* life.c */
verb_fn do_up, do_down, do_restart, do_hup, do_up_all, do_down_all, do_restart_all;
/* pipeline.c */
verb_fn do_build, do_test, do_build_all, do_test_all, do_prep;
/* upgrade.c */
verb_fn do_upgrade, do_back, do_upgrade_all, do_plan, do_clean, do_why;
/* inside.c */
verb_fn do_console, do_enter, do_run, do_shell, do_run_in_all, do_add_su, do_debug;
/* query.c */
verb_fn do_autostart_wave, do_check_all_up, do_cow_dir, do_images, do_is_up, do_get_ip,
    do_get_all_ips, do_log, do_pid, do_spec, do_veth, do_map;
/* list.c */
verb_fn do_list_all_settings, do_list_all, do_list_autostart, do_list_autostart_waves,
    do_list_buildable, do_list_testable, do_list_up, do_list_up_names, do_status;
/* check.c */
verb_fn do_check, do_cmd;
/* scan.c */
verb_fn do_scan;
/* export.c */
verb_fn do_image_export;
/* help.c */
verb_fn do_help, do_completion;

#endif

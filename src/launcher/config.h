/* The launcher's configuration file (docs/launcher.md). */
#ifndef IDEVS_LAUNCHER_CONFIG_H
#define IDEVS_LAUNCHER_CONFIG_H

#include "base/limits.h"
#include "launcher/state.h"

struct launcher_config {
    char *listen;
    char *certificate; /* files */
    char *key;
    char *state;            /* folder */
    char *warden;           /* socket */
    char *ca;               /* PEM anchors of outgoing https, or NULL: the system's */
    char *record;           /* file, or NULL */
    size_t max_body;        /* of what a program sends and gets */
    unsigned longest_pause; /* seconds before a program that crashed is started again */
    size_t budget;          /* bytes of all programs in flight */
    struct owner owners[LIMIT_OWNERS];
    size_t n_owners;
    struct {
        char *name;
        char *url;
    } services[LIMIT_LAUNCHER_SERVICES];
    size_t n_services;
};

/* Refuses `config.syntax`, `file.*`, `owner.key`. */
bool config_load(const char *path, struct launcher_config *ret,
                 struct idevs_error *ret_err) _must_check_;
void config_free(struct launcher_config *config);
/* scheme://host[:port] with http or https, nothing behind. */
bool service_url_is_valid(const char *url) _must_check_;

#endif

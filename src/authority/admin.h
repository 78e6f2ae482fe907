/* Administration where the state is: `init`, `owner`, `platform`, `approvals`. They work beside a
 * running `serve`, on the same database. */
#ifndef IDEVS_AUTHORITY_ADMIN_H
#define IDEVS_AUTHORITY_ADMIN_H

#include "base/error.h"

/* Operands of the command line: options first taken out by main.c. */
struct admin {
    const char *state;
    const char *trust_domain;
    const char *tier;
    const char *life;
    const char *operands[3];
    int n_operands;
};

/* Each prints what was asked for on standard output. Refuses `usage`, and what the registry
 * refuses. */
bool admin_init(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_owner_add(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_owner_administrator(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_owner_list(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_owner_rm(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_platform_token(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_platform_list(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_platform_rm(const struct admin *a, struct idevs_error *ret_err) _must_check_;
bool admin_approvals(const struct admin *a, struct idevs_error *ret_err) _must_check_;

#endif

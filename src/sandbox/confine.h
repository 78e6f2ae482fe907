/* The two halves of sandbox_enter(): what a process may open, and what it may call. */
#ifndef IDEVS_SANDBOX_CONFINE_H
#define IDEVS_SANDBOX_CONFINE_H

#include "sandbox/sandbox.h"

bool confine_paths(const struct sandbox *profile, struct idevs_error *ret_err) _must_check_;
bool confine_calls(const struct sandbox *profile, struct idevs_error *ret_err) _must_check_;

#endif

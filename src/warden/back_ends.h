/* Which back ends runs may have here: what the configuration permits and this machine can do. */
#ifndef IDEVS_WARDEN_BACK_ENDS_H
#define IDEVS_WARDEN_BACK_ENDS_H

#include "warden/warden.h"

/* One of them, whatever the configuration permits; all that it lacks here is in the log, the first
 * of that the refusal. Refuses `compartment.*`. */
bool back_ends_open_one(const struct compartment_back_end *back_end,
                        struct idevs_error *ret_err) _must_check_;
void back_ends_close_one(const struct compartment_back_end *back_end);
/* Opens them, and the one that compiles; logs what is missing for each that is not usable. Refuses
 * what is missing for the first when none is, `compartment.unavailable`. */
bool back_ends_open(struct warden *w, struct idevs_error *ret_err) _must_check_;
void back_ends_close(struct warden *w);
/* Names of those that can be used, in the configuration's order, but those that isolate before the
 * others: the first is for programs whose manifest names none. `*ret_n` of them. */
void back_ends_usable(const struct warden *w, const char *ret[LIMIT_BACK_ENDS], size_t *ret_n);
/* The one called `name`, for a program whose manifest names `wanted` (empty: any). NULL: refused,
 * with `compartment.not-permitted`, `compartment.missing`. */
const struct compartment_back_end *back_ends_find(const struct warden *w, const char *name,
                                                  const char *wanted, struct idevs_error *ret_err);
/* What the compiler is told for a program whose manifest names `wanted`. NULL: refused, with
 * `compartment.not-permitted`. */
const char *const *back_ends_flags(const struct warden *w, const char *wanted,
                                   struct idevs_error *ret_err);
/* The one that compiles: the first that can. */
const struct compartment_back_end *back_ends_compiler(void);

#endif

/* The warden's state folder and the key of this platform in it. Whoever reads that key can sign
 * evidence as this host. */
#ifndef IDEVS_WARDEN_IDENTITY_H
#define IDEVS_WARDEN_IDENTITY_H

#include "crypto/key.h"

/* Makes the folder (0700) and a platform key (0600), unless there is one. Refuses `state.newer`,
 * `state.unusable`, `file.*`. `*ret_made`: a key was made. */
bool identity_init(const char *state, bool *ret_made, struct idevs_error *ret_err) _must_check_;

/* The platform key; NULL: `state.newer`, `state.unusable` (not made, readable by others). */
struct key *identity_open(const char *state, struct idevs_error *ret_err);

/* Appends the request by which this platform asks to be enrolled (wire/platform_request.h), still
 * unsigned. `token` is the text that the authority gave. */
bool identity_request(const struct key *key, struct bytes token, const char *const *back_ends,
                      size_t n_back_ends, const char *description, struct buffer *b) _must_check_;
/* The same, signed (`POST /v1/platforms`). */
bool identity_enrol(const struct key *key, struct bytes token, const char *const *back_ends,
                    size_t n_back_ends, const char *description, struct buffer *b) _must_check_;

#endif

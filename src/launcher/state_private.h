/* Columns and rows, shared by the state_*.c. */
#ifndef IDEVS_LAUNCHER_STATE_PRIVATE_H
#define IDEVS_LAUNCHER_STATE_PRIVATE_H

#include "base/text.h"
#include "crypto/digest.h"
#include "launcher/state.h"
#include "store/store.h"

#include <stdio.h>

void bind_owner(struct statement *s, int i, const struct owner *owner);
void bind_sha256(struct statement *s, int i, const uint8_t sha256[32]);
void bind_digest(struct statement *s, int i, const struct digest *digest);  /* or NULL */
void bind_error(struct statement *s, int i, const struct idevs_error *err); /* three columns */
bool column_sha256(struct statement *s, int i, uint8_t ret[32]);
void column_digest(struct statement *s, int i, struct digest *ret);
void column_error(struct statement *s, int i, struct idevs_error *ret);
void number_text(int64_t number, char ret[ID_LEN + 1]);
/* Refuses `api.not-found`. */
bool number_of_text(const char *id, int64_t *ret, struct idevs_error *ret_err) _must_check_;
/* The statement ends without a row. */
bool step_done(struct statement *s, struct idevs_error *ret_err) _must_check_;
/* It has a row; refuses `api.not-found`: "no KIND NAME". */
bool step_row(struct statement *s, const char *kind, const char *name,
              struct idevs_error *ret_err) _must_check_;

#endif

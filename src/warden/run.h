/* Runs: a measured program in a compartment, its limits, and its channel to the attester. */
#ifndef IDEVS_WARDEN_RUN_H
#define IDEVS_WARDEN_RUN_H

#include "warden/warden.h"

/* Takes copies of executable and manifest, measures, starts, and answers with the launcher's end of
 * the channel. Refuses `manifest.*`, `compartment.*`. */
bool run_begin(struct warden *w, struct connection *c, const struct request *request,
               int executable, int manifest, struct idevs_error *ret_err) _must_check_;
/* Ends a run of this connection; its event follows. Refuses `api.not-found`. */
bool run_kill(struct warden *w, const struct connection *c, uint32_t number,
              struct idevs_error *ret_err) _must_check_;
/* Ends every run of the connection, or, with NULL, of all. No events follow. */
void runs_end_of(struct warden *w, const struct connection *c);

#endif

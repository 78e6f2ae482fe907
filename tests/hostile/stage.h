/* The stage for attacks on a gateway: the real idevs-gateway with a recording service behind it,
 * and whoever attacks stands where the launcher would. `store` is at TEST_AUTHORITY; `transport`,
 * where a test needs two, at WORLD_BESIDE. */
#ifndef IDEVS_TESTS_HOSTILE_STAGE_H
#define IDEVS_TESTS_HOSTILE_STAGE_H

#include "attack.h"
#include "world.h"

extern struct world store;
extern struct world transport;

/* Around each test: the store alone, and transport where it was added. */
int stage_begin(void **state);
int stage_end(void **state);
void stage_add_transport(void);
/* The same with further lines of the store's configuration. */
int stage_begin_with(const char *configuration);
/* A read and a write go through. */
void stage_control(void);

/* The code of a refusal, sealed or not; "" when there is none. */
const char *refusal_of(const struct answer *a);
/* That the gateway refused, and that the service heard nothing. */
void gateway_refused(const struct attack *this, const struct answer *a);
/* The same for what the launcher sends with a genuine certificate beside it, or with `outer`. */
void gateway_refuses(const struct attack *this, struct bytes sealed, const struct exchange *x);
void gateway_refuses_outer(const struct attack *this, const struct http_message *outer,
                           const struct exchange *x);

/* A genuine request: GET /ok, or POST of {} to /count. `sealed` is set up here. */
void seal_read(const struct world *w, struct exchange *x, struct buffer *sealed);
void seal_write(const struct world *w, struct exchange *x, struct buffer *sealed);

#endif

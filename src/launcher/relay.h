/* What one program may ask of the launcher, and its relay to authority and gateways. The relay sees
 * sealed messages, public certificates, sizes and times; it can delay and drop, never read or
 * forge. Knows nothing of the launcher's state: what should be kept goes out through events. */
#ifndef IDEVS_LAUNCHER_RELAY_H
#define IDEVS_LAUNCHER_RELAY_H

#include "launcher/channel.h"
#include "wire/manifest.h"

struct client;
struct relay;

enum relay_log {
    RELAY_LOG_OWNER, /* sealed to the owner */
    RELAY_LOG_OPEN,
};

/* closed() may free the relay, the others must not. */
struct relay_events {
    void (*log)(enum relay_log kind, struct bytes line, void *context);
    void (*span)(const char *name, uint64_t microseconds, void *context);
    void (*certificate)(struct bytes pem, void *context);
    void (*refused)(const struct idevs_error *err, void *context); /* by the authority, in plain */
    void (*exchanged)(void *context); /* one exchange was answered by its gateway */
    /* The program closed its channel (`err` NULL) or broke the protocol. */
    void (*closed)(const struct idevs_error *err, void *context);
};

struct relay_options {
    struct event_base *base;
    struct client *client;
    struct record *record;           /* or NULL */
    struct budget *budget;           /* of all runs */
    size_t max_body;                 /* of a message that the program sends */
    size_t run_budget;               /* bytes that this run may have in flight */
    const struct manifest *manifest; /* outlives the relay */
    const char *name;                /* the run's; outlives the relay */
    int fd;                          /* the launcher's end of the channel: taken */
    const struct relay_events *events;
    void *context;
};
struct relay *relay_new(const struct relay_options *options);
void relay_free(struct relay *relay); /* takes NULL; cancels what is in flight */

/* Where the manifest's service `name` is reached from now on (copied): scheme://host[:port];
 * NULL: https and its authority of the manifest. */
void relay_set_url(struct relay *relay, const char *name, const char *url);
void relay_stop(struct relay *relay); /* asks the program to stop */

#endif

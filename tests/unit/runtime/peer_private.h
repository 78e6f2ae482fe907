/* What the files of the peer share. */
#ifndef IDEVS_TESTS_UNIT_RUNTIME_PEER_PRIVATE_H
#define IDEVS_TESTS_UNIT_RUNTIME_PEER_PRIVATE_H

#include "peer.h"
#include "wire/frame.h"

/* What cannot fail in a test, or the test is worth nothing. */
void peer_must(bool done);

struct peer_issue {
    const char *subject;
    const struct key *key;
    const struct certificate *issuer;
    const struct key *issuer_key;
    int64_t from;
    int64_t to;
    bool is_ca;
    const char *host;
    const char *uri;
};
struct certificate *peer_issue(const struct peer_issue *i);
struct certificate *peer_copy(const struct certificate *c);

void peer_reply(int fd, uint32_t id, uint16_t status, const char *type, struct bytes body);
void peer_reply_problem(int fd, uint32_t id, uint16_t status, const char *code);

/* service-keys:NAME and service:NAME, at the gateway of `s`. */
void peer_answer_keys(struct peer *p, uint32_t id, const struct peer_service *s);
void peer_answer_exchange(struct peer *p, const struct frame *frame, struct peer_service *s);

#endif

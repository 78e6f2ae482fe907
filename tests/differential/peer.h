/* What a peer program implements with its library: one side of HPKE base mode in
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. peer.c has main() and calls these. */
#ifndef IDEVS_TESTS_DIFFERENTIAL_PEER_H
#define IDEVS_TESTS_DIFFERENTIAL_PEER_H

#include "round.h"

bool peer_start(void) _must_check_; /* once */
/* Fills in `public`, and as sender `enc`; false: refused. Only after true the four below. */
bool peer_set_up(const struct round *round, struct result *ret) _must_check_;
/* Both append; false: refused. */
bool peer_seal(const struct message *message, struct buffer *b) _must_check_;
bool peer_open(const struct message *message, struct buffer *b) _must_check_;
bool peer_export(const struct export *export, struct buffer *b) _must_check_;
void peer_end(void); /* of the round, also after a refused set-up */

#endif

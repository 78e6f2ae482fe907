/* What a run-time sends to its authority: the challenge that its evidence answers, the PKCS#10
 * request that carries the evidence, and the manifest whose digest was measured (the authority puts
 * what it allows into the certificate). CBOR map {1: challenge, 2: CSR, 3: manifest}; body of
 * `POST /v1/certificates` and of the channel's target `authority:certificate`. Pure, no I/O. */
#ifndef IDEVS_WIRE_CERTIFICATE_REQUEST_H
#define IDEVS_WIRE_CERTIFICATE_REQUEST_H

#include "base/buffer.h"
#include "base/limits.h"

#define CHALLENGE_LEN            32
#define CERTIFICATE_REQUEST_TYPE "application/vnd.idevs.certificate-request+cbor"

struct certificate_request {
    struct bytes challenge; /* CHALLENGE_LEN */
    struct bytes csr;       /* DER, 1 to LIMIT_CSR */
    struct bytes manifest;  /* CBOR, 1 to LIMIT_MANIFEST */
};

bool certificate_request_encode(const struct certificate_request *r, struct buffer *b) _must_check_;
/* Strict; `ret` points into `in`. */
bool certificate_request_decode(struct bytes in, struct certificate_request *ret) _must_check_;

#endif

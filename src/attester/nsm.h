/* Attestation documents of an AWS Nitro enclave, by its Nitro Security Module: Linux's /dev/nsm,
 * which takes a request in CBOR and gives an answer in CBOR, each at one ioctl. */
#ifndef IDEVS_ATTESTER_NSM_H
#define IDEVS_ATTESTER_NSM_H

#include "attester/hardware_maker.h"

#include <sys/uio.h>

/* What the ioctl takes: where the request is, and where the answer goes. The kernel sets the
 * answer's length. */
struct nsm_message {
    struct iovec request;
    struct iovec answer;
};

/* The device, and the calls by which it is asked: the system's, or those of a test that plays it.
 * As POSIX has them. */
struct nsm {
    const char *path;
    int (*open)(const char *path, int flags);
    int (*ask)(int fd, struct nsm_message *m); /* the ioctl */
    int (*close)(int fd);
};

extern const struct nsm NSM_SYSTEM; /* /dev/nsm */
extern const struct hardware_maker hardware_maker_nitro;

/* As struct hardware_maker's functions. The report data is the document's nonce. */
bool nsm_probe(const struct nsm *nsm, struct idevs_error *ret_err) _must_check_;
bool nsm_make(const struct nsm *nsm, const uint8_t report_data[REPORT_DATA_LEN],
              struct hardware_evidence *ret, struct idevs_error *ret_err) _must_check_;

/* The document in an answer {"Attestation": {"document": bytes}}; points into it. Refuses
 * `evidence.unavailable`: the device says an error, or nothing of this form. */
bool nsm_document(struct bytes answer, struct bytes *ret, struct idevs_error *ret_err) _must_check_;

#endif

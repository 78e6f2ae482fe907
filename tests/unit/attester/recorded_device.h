/* Nitro's device, recorded: an answer, the request that was seen, and what a test wants to go
 * wrong. Include after test.h. */
#ifndef IDEVS_TESTS_UNIT_ATTESTER_RECORDED_DEVICE_H
#define IDEVS_TESTS_UNIT_ATTESTER_RECORDED_DEVICE_H

#include "attester/nsm.h"
#include "wire/cbor.h"

#include <errno.h>

#define DEVICE_FD 1000000 /* no descriptor of this process */

static struct {
    struct bytes answer;
    /* What the device answers to the request that it just saw; may be NULL. */
    void (*answers)(struct bytes request);
    int open_fails; /* errno */
    int ask_fails;
    size_t claimed_len; /* 0: the answer's */
    unsigned n_asked;
    int n_open;
    uint8_t request[LIMIT_NSM_REQUEST];
    size_t request_len;
} device;

static inline int device_open(const char *path, int flags)
{
    (void)flags;
    assert_string_equal(path, "/dev/nsm");
    if (device.open_fails) {
        errno = device.open_fails;
        return -1;
    }
    device.n_open++;
    return DEVICE_FD;
}

static inline int device_ask(int fd, struct nsm_message *m)
{
    assert_int_equal(fd, DEVICE_FD);
    assert_in_range(m->request.iov_len, 1, sizeof(device.request));
    memcpy(device.request, m->request.iov_base, m->request.iov_len);
    device.request_len = m->request.iov_len;
    device.n_asked++;
    if (device.ask_fails) {
        errno = device.ask_fails;
        return -1;
    }
    if (device.answers)
        device.answers(bytes_of(device.request, device.request_len));
    size_t n = device.answer.len < m->answer.iov_len ? device.answer.len : m->answer.iov_len;
    if (n)
        memcpy(m->answer.iov_base, device.answer.data, n);
    m->answer.iov_len = device.claimed_len ? device.claimed_len : n;
    return 0;
}

static inline int device_close(int fd)
{
    assert_int_equal(fd, DEVICE_FD);
    device.n_open--;
    return 0;
}

static inline struct nsm device_of(struct bytes answer)
{
    memset(&device, 0, sizeof(device));
    device.answer = answer;
    return (struct nsm){"/dev/nsm", device_open, device_ask, device_close};
}

/* {"Attestation": {"document": ...}}. */
static inline void device_wrap(struct bytes document, struct buffer *b)
{
    assert_true(cbor_put_map(b, 1) && cbor_put_text(b, bytes_of_text("Attestation")) &&
                cbor_put_map(b, 1) && cbor_put_text(b, bytes_of_text("document")) &&
                cbor_put_bytes(b, document));
}

#endif

/* QEMU as the monitor of one guest, in a confined process. */
#ifndef IDEVS_COMPARTMENT_MICROVM_MONITOR_H
#define IDEVS_COMPARTMENT_MICROVM_MONITOR_H

#include "compartment/compartment.h"
#include "compartment/microvm_image.h"

struct monitor_spec {
    const struct image *image;
    bool kvm;
    uid_t uid;
    uint64_t memory; /* the program's */
    int executable;  /* -1: the guest ends itself where a program would start */
    int channel;
    int attester;
};

/* One that was started. */
struct monitor {
    struct compartment *process; /* of the back end `process` */
    int report;                  /* what the guest says of its program (guest/report.h) */
    int output;                  /* what QEMU prints */
    struct eat_component initramfs;
    struct eat_component command_line;
};

/* Refuses as a back end's start() does. */
bool monitor_start(const struct monitor_spec *spec, struct monitor *ret,
                   struct idevs_error *ret_err) _must_check_;
/* All lines that the guest reported, at most the buffer's max; then there are none left. */
void monitor_report(const struct monitor *m, struct buffer *b);
/* The last line that QEMU printed. */
void monitor_last_words(const struct monitor *m, char *ret, size_t size);
/* Ends it if it runs; every trace is removed. */
void monitor_destroy(struct monitor *m);

/* Boots a guest without a program and waits until it has got as far as a program's start. Refuses
 * `compartment.unavailable` after `patience_ms`. */
bool monitor_try(const struct image *image, bool kvm, unsigned patience_ms,
                 struct idevs_error *ret_err) _must_check_;

#endif

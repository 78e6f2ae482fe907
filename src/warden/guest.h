/* What guests of the back end microvm are made of (src/compartment/microvm_image.h), gathered from
 * this host's packages into one folder. */
#ifndef IDEVS_WARDEN_GUEST_H
#define IDEVS_WARDEN_GUEST_H

#include "base/error.h"

struct guest_options {
    const char *out;    /* must not exist; root's alone */
    const char *kernel; /* PREFIX/boot/vmlinuz-VERSION; its modules: PREFIX/lib/modules/VERSION */
    const char *init;   /* idevs-guest-init */
    const char *qemu;   /* qemu-system-x86_64 */
};

/* With KVM's device in it where this host has one and the caller may make it. Refuses
 * `compartment.missing`, `file.*`. */
bool guest_make(const struct guest_options *options, struct idevs_error *ret_err) _must_check_;

#endif

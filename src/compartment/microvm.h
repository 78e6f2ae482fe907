/* The back end `microvm`: a virtual machine of its own for each program. QEMU's machine `microvm`
 * with one processor, the kernel of a Debian package, and a first file system in which there is the
 * program, what starts it (guest/init.c) and nothing else; no disk, no network, no console. Two
 * ports of a virtio-serial device are its descriptors 3 and 4. QEMU itself runs confined as the
 * compiler does.
 *
 * KVM where a guest boots with it, else TCG, which interprets: a guest that breaks out of QEMU's
 * translator is in a confined process of the host, and nothing of the processor stands between.
 * Either way root of the host reads the guest's memory in QEMU's. */
#ifndef IDEVS_COMPARTMENT_MICROVM_H
#define IDEVS_COMPARTMENT_MICROVM_H

#include "compartment/compartment.h"

extern const struct compartment_back_end COMPARTMENT_MICROVM;

/* Where `idevs-warden guest` put what guests are made of: text that the caller keeps, or NULL.
 * Before probe() and open(); without it the back end lacks a guest. */
void microvm_use(const char *folder);

#endif

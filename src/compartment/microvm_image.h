/* What a guest is booted from: kernel, first file system, command line; and their digests, which
 * stand in the evidence. The folder is root's: what is read from it is trusted. */
#ifndef IDEVS_COMPARTMENT_MICROVM_IMAGE_H
#define IDEVS_COMPARTMENT_MICROVM_IMAGE_H

#include "base/buffer.h"
#include "base/error.h"
#include "wire/eat.h"

/* Names in the folder. */
#define IMAGE_ROOT    "root" /* all that QEMU sees; owned by root */
#define IMAGE_MONITOR "usr/bin/qemu-system-x86_64"
#define IMAGE_KERNEL  "kernel"         /* in `root`: an ELF file */
#define IMAGE_KVM     "dev/kvm"        /* in `root`: open to everybody, so the folder is not */
#define IMAGE_BASE    "initramfs.base" /* an archive without program and without its end */

struct image {
    char *root; /* path of that folder: as it is mounted when a guest starts */
    struct buffer base;
    struct eat_component kernel;
    struct eat_component monitor;
    uint32_t tsc_khz; /* of this host's time-stamp counter, by which a TCG guest keeps its time */
};

/* Reads and digests; also takes the time of 50 ms to measure the counter. Refuses `file.*`,
 * `compartment.unavailable`. */
bool image_open(const char *folder, struct image *ret, struct idevs_error *ret_err) _must_check_;
void image_close(struct image *image);

/* Appends the whole archive with the program (`executable`, a file; -1: with none). Refuses
 * `compartment.unavailable`. */
bool image_initramfs(const struct image *image, int executable, struct buffer *b,
                     struct idevs_error *ret_err) _must_check_;
/* The kernel's command line for a program with so much memory (bytes). */
void image_command_line(const struct image *image, bool kvm, uint64_t memory,
                        char ret[LIMIT_EAT_TEXT]);

/* Name, words and digest. */
void component_of(const char *name, const char *text, struct bytes content,
                  struct eat_component *ret);

#endif

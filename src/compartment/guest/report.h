/* What a guest's first process tells the host about its program, over the third port: lines of
 * text, at most GUEST_LINE bytes with their line feed. Whoever breaks the guest's kernel can write
 * them too: they speak of that one program only. */
#ifndef IDEVS_COMPARTMENT_GUEST_REPORT_H
#define IDEVS_COMPARTMENT_GUEST_REPORT_H

#define GUEST_LINE    64
#define GUEST_NUMBERS 256 /* every number in it is smaller */

#define GUEST_STARTED   "started"   /* its first instruction is about to run */
#define GUEST_EXITED    "exited"    /* and its status */
#define GUEST_SIGNALLED "signalled" /* and the signal's number */
#define GUEST_MEMORY    "memory"    /* ended for want of it; and 0 */
#define GUEST_FAILED    "failed"    /* errno and the operation that did not work */

/* Ports of the one virtio-serial device, by number: what a program knows as descriptors 3 and 4,
 * and the report. */
#define GUEST_PORT_CHANNEL  1
#define GUEST_PORT_ATTESTER 2
#define GUEST_PORT_REPORT   3

/* Files of the first file system. */
#define GUEST_INIT    "init"
#define GUEST_PROGRAM "program"
#define GUEST_FILTER  "filter"        /* an array of struct sock_filter for the program */
#define GUEST_MODULE  "modules/%u.ko" /* loaded in this order, from 0 on */

/* In the environment of the first process, that is on the kernel's command line: bytes. */
#define GUEST_MEMORY_VARIABLE "idevs_memory"

#endif

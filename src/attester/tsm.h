/* Reports of a confidential guest by Linux's configfs-tsm (Documentation/ABI/testing/configfs-tsm):
 * SEV-SNP and TDX. A folder is made for each report; 64 bytes are written into it, and the kernel
 * has the firmware answer for whoever reads. */
#ifndef IDEVS_ATTESTER_TSM_H
#define IDEVS_ATTESTER_TSM_H

#include "attester/hardware_maker.h"

#include <sys/types.h>

/* Where reports are made, and the calls by which: the system's, or those of a test that plays the
 * kernel. All but pause() are as POSIX has them. */
struct tsm {
    const char *root;
    int (*create)(const char *path, mode_t mode); /* mkdir */
    int (*remove)(const char *path);              /* rmdir */
    int (*open)(const char *path, int flags);
    ssize_t (*read)(int fd, void *ret, size_t len);
    ssize_t (*write)(int fd, const void *data, size_t len);
    int (*close)(int fd);
    void (*pause)(unsigned ms);
};

/* /sys/kernel/config/tsm/report. */
extern const struct tsm TSM_SYSTEM;

extern const struct hardware_maker hardware_maker_snp;
extern const struct hardware_maker hardware_maker_tdx;

/* Whether reports of `format` can be made here: makes a folder for one, asks who would make it, and
 * removes it. As struct hardware_maker's probe(). */
bool tsm_probe(const struct tsm *tsm, const char *format, struct idevs_error *ret_err) _must_check_;

/* A report over `report_data`, of whichever technology this guest has; `ret` is zeroed. That
 * nothing else was written into its folder meanwhile is checked by the count of writes
 * ("generation"); where it was, or where the firmware is busy, it is made again, a bounded number
 * of times. The folder is removed in any case. Refuses as struct hardware_maker's make(). */
bool tsm_make(const struct tsm *tsm, const uint8_t report_data[REPORT_DATA_LEN],
              struct hardware_evidence *ret, struct idevs_error *ret_err) _must_check_;

#endif

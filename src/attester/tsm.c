#include "attester/tsm.h"
#include "attester/certificate_table.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPECTED "a confidential guest with SEV-SNP or TDX, and configfs-tsm in its kernel"

#define LAST_LEVEL 3 /* VMPL 0 to 3 of SEV-SNP */

/* Who may answer, what the answer is, and what is done with what comes along. */
struct provider {
    const char *name; /* as the kernel calls it */
    const char *format;
    bool (*endorse)(struct bytes aux, struct buffer *ret_pem, struct idevs_error *ret_err);
};

static const struct provider PROVIDERS[] = {
    {"sev_guest", "snp", certificate_table_read},
    {"tdx_guest", "tdx", NULL}, /* its certificates are in the quote */
};

struct report {
    const struct tsm *tsm;
    char path[LIMIT_TSM_PATH]; /* of its folder */
};

/* ---- attributes; false with errno ---- */

static int open_attribute(const struct report *r, const char *name, int flags)
{
    char path[LIMIT_TSM_PATH];
    int n = snprintf(path, sizeof(path), "%s/%s", r->path, name);

    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return r->tsm->open(path, flags | O_CLOEXEC);
}

/* Closes and keeps errno, unless closing is what fails. */
static bool close_attribute(const struct report *r, int fd, bool ok)
{
    int saved = errno;
    bool closed = r->tsm->close(fd) == 0;

    if (!ok)
        errno = saved;
    return ok && closed;
}

static bool read_to_end(const struct report *r, int fd, struct buffer *b)
{
    uint8_t part[4096];

    for (;;) {
        ssize_t n = r->tsm->read(fd, part, sizeof(part));
        if (n == 0)
            return true;
        if (n < 0)
            return false;
        if (!buffer_append(b, part, (size_t)n)) {
            errno = EFBIG;
            return false;
        }
    }
}

/* Replaces what `b` holds. */
static bool read_attribute(const struct report *r, const char *name, struct buffer *b)
{
    int fd = open_attribute(r, name, O_RDONLY);

    buffer_clear(b);
    return fd >= 0 && close_attribute(r, fd, read_to_end(r, fd, b));
}

/* Written in one piece; the kernel takes it when it is closed. */
static bool write_attribute(const struct report *r, const char *name, struct bytes value)
{
    int fd = open_attribute(r, name, O_WRONLY);

    if (fd < 0)
        return false;
    ssize_t n = r->tsm->write(fd, value.data, value.len);
    if (n >= 0 && (size_t)n != value.len)
        errno = EIO;
    return close_attribute(r, fd, n >= 0 && (size_t)n == value.len);
}

static bool read_text(const struct report *r, const char *name, struct buffer *b)
{
    if (!read_attribute(r, name, b))
        return false;
    errno = EPROTO;
    if (b->len < 2 || b->data[b->len - 1] != '\n')
        return false;
    b->len--;
    b->data[b->len] = 0;
    return true;
}

/* How often something was written into the folder. */
static bool read_generation(const struct report *r, uint64_t *ret)
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_TSM_TEXT);

    if (!read_text(r, "generation", &text))
        return false;
    errno = EPROTO;
    return parse_u64(buffer_bytes(&text), UINT64_MAX - 1, ret);
}

/* ---- the folder ---- */

/* Found of no other: a process that died may have left its folder. */
static bool begin(struct report *r, const struct tsm *tsm)
{
    r->tsm = tsm;
    for (unsigned i = 0; i < LIMIT_TSM_NAMES; i++) {
        int n = snprintf(r->path, sizeof(r->path), "%s/idevs-%d-%u", tsm->root, (int)getpid(), i);
        if (n < 0 || (size_t)n >= sizeof(r->path)) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (tsm->create(r->path, 0700) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/* One that cannot be removed is left: the kernel holds a few hundred bytes for it. */
static void end(const struct report *r)
{
    int saved = errno;

    (void)!r->tsm->remove(r->path);
    errno = saved;
}

static bool cannot_begin(const struct tsm *tsm, struct idevs_error *ret_err)
{
    static const char LOAD[] = "In a SEV-SNP or TDX guest: Linux 6.7 or later, mount configfs on "
                               "/sys/kernel/config, `modprobe sev-guest` or `modprobe tdx-guest`.";

    if (errno == EACCES || errno == EPERM)
        return hardware_lacks(ret_err, "leave to make reports", "Ask as root.", "%s: %s", tsm->root,
                              strerror(errno));
    if (errno == ENXIO)
        return hardware_lacks(ret_err, EXPECTED, LOAD, "configfs-tsm, and no firmware behind it");
    return hardware_lacks(ret_err, EXPECTED, LOAD, "%s: %s", tsm->root, strerror(errno));
}

/* ---- who answers ---- */

static const struct provider *find_provider(const struct report *r, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer name = buffer_up_to(LIMIT_TSM_TEXT);

    if (!read_text(r, "provider", &name)) {
        refuse_errno(ret_err, "evidence.unavailable", "provider");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(PROVIDERS); i++)
        if (bytes_equal_text(buffer_bytes(&name), PROVIDERS[i].name))
            return &PROVIDERS[i];
    refuse_expecting(ret_err, "evidence.unavailable", "sev_guest or tdx_guest as provider", "%s",
                     (const char *)name.data);
    return NULL;
}

bool tsm_probe(const struct tsm *tsm, const char *format, struct idevs_error *ret_err)
{
    struct report r;

    if (!begin(&r, tsm))
        return cannot_begin(tsm, ret_err);
    const struct provider *p = find_provider(&r, ret_err);
    end(&r);
    if (p && strcmp(p->format, format) != 0)
        return hardware_lacks(ret_err, "a guest of this technology",
                              "Start the guest on a host of that maker.", "a guest by %s", p->name);
    return p != NULL;
}

/* ---- a report ---- */

/* What comes along may be nothing, also where the kernel does not show the attribute. */
static bool read_aux(const struct report *r, struct buffer *b)
{
    return read_attribute(r, "auxblob", b) || errno == ENOENT;
}

/* A guest whose kernel is not at the most privileged level (under an SVSM, on SEV-SNP) gets reports
 * of its own level at best, and must ask for it. `*ret_n`: so many writes. */
static bool write_level(const struct report *r, uint64_t *ret_n)
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_TSM_TEXT);
    uint64_t level;

    *ret_n = 0;
    if (!read_text(r, "privlevel_floor", &text))
        return errno == ENOENT; /* there are no levels */
    errno = EPROTO;
    if (!parse_u64(buffer_bytes(&text), LAST_LEVEL, &level))
        return false;
    if (level == 0)
        return true;
    *ret_n = 1;
    return write_attribute(r, "privlevel", buffer_bytes(&text));
}

/* All that is read belongs to what is written. False with errno: EAGAIN where something else was
 * written meanwhile. */
static bool attempt(const struct report *r, struct bytes report_data, struct buffer *ret_out,
                    struct buffer *ret_aux)
{
    uint64_t n;
    uint64_t before;
    uint64_t written;
    uint64_t after;

    if (!read_generation(r, &before) || !write_level(r, &n) ||
        !write_attribute(r, "inblob", report_data) || !read_generation(r, &written) ||
        !read_attribute(r, "outblob", ret_out) || !read_aux(r, ret_aux) ||
        !read_generation(r, &after))
        return false;
    errno = ret_out->len ? EAGAIN : EPROTO;
    return ret_out->len && written == before + 1 + n && after == written;
}

static bool is_transient(int e)
{
    return e == EAGAIN || e == EBUSY || e == EINTR;
}

static bool read_report(const struct report *r, struct bytes report_data, struct buffer *ret_out,
                        struct buffer *ret_aux, struct idevs_error *ret_err)
{
    for (unsigned i = 1;; i++) {
        if (attempt(r, report_data, ret_out, ret_aux))
            return true;
        if (!is_transient(errno))
            return refuse_errno(ret_err, "evidence.unavailable", "a report of the firmware");
        if (i == LIMIT_TSM_ATTEMPTS)
            return refuse(ret_err, "evidence.unavailable", "%u attempts at a report, the last: %s",
                          i, strerror(errno));
        r->tsm->pause(i * LIMIT_TSM_PAUSE_MS);
    }
}

static bool make_in(const struct report *r, struct bytes report_data, struct hardware_evidence *ret,
                    struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer aux = buffer_up_to(LIMIT_TSM_BLOB);
    const struct provider *p = find_provider(r, ret_err);

    if (!p || !read_report(r, report_data, &ret->evidence, &aux, ret_err))
        return false;
    ret->format = p->format;
    return !p->endorse || aux.len == 0 ||
           p->endorse(buffer_bytes(&aux), &ret->endorsements, ret_err);
}

bool tsm_make(const struct tsm *tsm, const uint8_t report_data[REPORT_DATA_LEN],
              struct hardware_evidence *ret, struct idevs_error *ret_err)
{
    struct report r;
    struct hardware_evidence made = {
        .evidence = buffer_up_to(LIMIT_HARDWARE_EVIDENCE),
        .endorsements = buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS),
    };

    if (!begin(&r, tsm))
        return cannot_begin(tsm, ret_err);
    bool ok = make_in(&r, bytes_of(report_data, REPORT_DATA_LEN), &made, ret_err);
    end(&r);
    if (ok)
        *ret = made;
    else
        hardware_evidence_free(&made);
    return ok;
}

/* ---- this system's ---- */

static int system_open(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC);
}

static void system_pause(unsigned ms)
{
    const struct timespec pause = {.tv_nsec = (long)ms * 1000000};

    nanosleep(&pause, NULL);
}

const struct tsm TSM_SYSTEM = {
    .root = "/sys/kernel/config/tsm/report",
    .create = mkdir,
    .remove = rmdir,
    .open = system_open,
    .read = read,
    .write = write,
    .close = close,
    .pause = system_pause,
};

static bool probe_snp(struct idevs_error *ret_err)
{
    return tsm_probe(&TSM_SYSTEM, "snp", ret_err);
}

static bool probe_tdx(struct idevs_error *ret_err)
{
    return tsm_probe(&TSM_SYSTEM, "tdx", ret_err);
}

static bool make(const uint8_t report_data[REPORT_DATA_LEN], struct hardware_evidence *ret,
                 struct idevs_error *ret_err)
{
    return tsm_make(&TSM_SYSTEM, report_data, ret, ret_err);
}

const struct hardware_maker hardware_maker_snp = {"snp", "AMD SEV-SNP", probe_snp, make};
const struct hardware_maker hardware_maker_tdx = {"tdx", "Intel TDX", probe_tdx, make};

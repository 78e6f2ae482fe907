#include "compartment/secrecy.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    bool has_memory;
    bool may_lock; /* more than RLIMIT_MEMLOCK */
} host;

static uint64_t lock_limit(void)
{
    struct rlimit limit = {0, 0};

    getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_max;
}

/* Whether the right counts is seen by using it: in a container it may be there and not do. */
static bool locks_more_than(int fd, uint64_t limit)
{
    size_t size = limit + (size_t)sysconf(_SC_PAGESIZE);

    if (ftruncate(fd, (off_t)size) < 0)
        return false;
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return pages != MAP_FAILED && munmap(pages, size) == 0;
}

void secrecy_open(void)
{
    _cleanup_fd_ int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    uint64_t limit = lock_limit();

    host.has_memory = fd >= 0;
    host.may_lock = fd >= 0 && limit <= LIMIT_LOCK_PROBE && locks_more_than(fd, limit);
}

const char *secrecy_describe(void)
{
    return host.has_memory ? "secret memory" : "no secret memory";
}

static bool can_be_secret(const struct compartment_spec *s, bool counted,
                          struct idevs_error *ret_err)
{
    uint64_t most = secret_memory_most(s->memory);
    char expected[64];

    if (!host.has_memory)
        return refuse_expecting(ret_err, "compartment.secret-memory",
                                "a kernel with memfd_secret (boot it with secretmem.enable=y)",
                                "a kernel without");
    if (!counted)
        return refuse_expecting(ret_err, "compartment.secret-memory",
                                "a control group that counts memory", "a host without");
    if (host.may_lock || lock_limit() >= most)
        return true;
    snprintf(expected, sizeof(expected), "RLIMIT_MEMLOCK of %" PRIu64 " MiB for the warden",
             most >> 20);
    return refuse_expecting(ret_err, "compartment.secret-memory", expected, "%" PRIu64 " MiB",
                            lock_limit() >> 20);
}

bool secrecy_decide(const struct compartment_spec *spec, bool counted, struct secrecy *ret,
                    struct idevs_error *ret_err)
{
    struct idevs_error why;

    *ret = (struct secrecy){false, false};
    if (spec->profile != COMPARTMENT_RUN || spec->secrecy == SECRECY_OFF)
        return true;
    ret->secret = can_be_secret(spec, counted, &why);
    ret->lock_right = ret->secret && lock_limit() < secret_memory_most(spec->memory);
    if (ret->secret)
        return true;
    if (spec->secrecy == SECRECY_PREFERRED) {
        log_refusal(IDEVS_WARNING, "memory is not secret", &why);
        return true;
    }
    *ret_err = why;
    return false;
}

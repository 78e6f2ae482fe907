#include "sandbox/sandbox.h"
#include "base/log.h"
#include "sandbox/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool set_limit(int resource, rlim_t value)
{
    const struct rlimit limit = {value, value};

    return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

static bool is_kept(const int *keep, int fd)
{
    for (; *keep >= 0; keep++)
        if (*keep == fd)
            return true;
    return false;
}

/* The smallest kept descriptor from `from` on, or -1. */
static int next_kept(const int *keep, int from)
{
    int least = -1;

    for (; *keep >= 0; keep++)
        if (*keep >= from && (least < 0 || *keep < least))
            least = *keep;
    return least;
}

static bool close_others(const int *keep)
{
    int from = STDERR_FILENO + 1;

    while (from >= 0) {
        int kept = next_kept(keep, from);
        if (kept < 0)
            return close_range((unsigned)from, ~0U, 0) == 0;
        if (kept > from && close_range((unsigned)from, (unsigned)kept - 1, 0) != 0)
            return false;
        from = kept + 1;
        while (is_kept(keep, from))
            from++;
    }
    return true;
}

bool sandbox_enter(const struct sandbox *profile, struct idevs_error *ret_err)
{
    if (profile->keep_fds && !close_others(profile->keep_fds))
        return refuse_errno(ret_err, "internal", "close_range");
    /* no_new_privs first: Landlock and seccomp of an unprivileged process ask for it. Not dumpable:
     * no core files, and no ptrace by others of the same uid. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return refuse_errno(ret_err, "internal", "prctl");
    if (!set_limit(RLIMIT_CORE, 0) ||
        (profile->max_files && !set_limit(RLIMIT_NOFILE, profile->max_files)))
        return refuse_errno(ret_err, "internal", "setrlimit");
    return confine_paths(profile, ret_err) && confine_calls(profile, ret_err);
}

bool privileges_drop(uid_t uid, gid_t gid, struct idevs_error *ret_err)
{
    uid_t r, e, s;
    gid_t gr, ge, gs;

    /* Groups first: afterwards there is no privilege left to change them. */
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return refuse_errno(ret_err, "internal", "dropping privileges");
    if (getresuid(&r, &e, &s) != 0 || getresgid(&gr, &ge, &gs) != 0 || r != uid || e != uid ||
        s != uid || gr != gid || ge != gid || gs != gid)
        return refuse(ret_err, "internal", "the kernel kept other ids");
    if (uid != 0 && setresuid(0, 0, 0) == 0)
        return refuse(ret_err, "internal", "there is a way back to root");
    return true;
}

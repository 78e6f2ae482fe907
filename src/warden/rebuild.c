#include "warden/rebuild.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "warden/back_ends.h"
#include "warden/cache.h"
#include "warden/compile.h"
#include "warden/toolchain.h"

#include <fcntl.h>
#include <poll.h>

/* Until the compiler has ended, or its time is over. */
static void await(struct compilation *c)
{
    uint64_t until = clock_monotonic_ns() + LIMIT_BUILD_TIME * NS_PER_SECOND;
    struct pollfd at[] = {{.fd = compilation_output(c), .events = POLLIN},
                          {.fd = compilation_watch(c), .events = POLLIN}};

    while (!at[1].revents) {
        uint64_t now = clock_monotonic_ns();
        if (now >= until)
            compilation_give_up(c);
        int left = now < until ? (int)((until - now) / 1000000) + 1 : -1;
        if (poll(at, ARRAY_LEN(at), left) > 0 && at[0].revents && !compilation_listen(c))
            at[0].fd = -1;
    }
}

static bool compile(const struct compilation_order *order, struct rebuilt *ret, struct buffer *text,
                    struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer executable = buffer_up_to(LIMIT_EXECUTABLE);
    struct compilation *c;

    if (!compilation_start(order, &c, ret_err))
        return false;
    await(c);
    bool ok = compilation_finish(c, &executable, ret_err);
    if (!buffer_append_bytes(text, compilation_text(c)) && ok)
        ok = refuse(ret_err, "build.limit", "what the compiler said");
    compilation_free(c);
    if (ok)
        sha256(buffer_bytes(&executable), ret->executable);
    return ok;
}

static bool compile_with(const struct rebuild_options *options,
                         const struct compartment_back_end *back_end, struct bytes source,
                         const struct origin *origin, struct rebuilt *ret, struct buffer *text,
                         struct idevs_error *ret_err)
{
    uint8_t identity[SHA256_LEN];
    _cleanup_fd_ int toolchain = open(options->toolchain, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (toolchain < 0)
        return refuse_errno(ret_err, "build.toolchain", options->toolchain);
    origin_identity(origin, identity);
    const struct compilation_order order = {.toolchain = toolchain,
                                            .uid = options->uid,
                                            .source = source,
                                            .identity = identity,
                                            .flags = back_end->build_flags};
    return compile(&order, ret, text, ret_err);
}

bool rebuild(const struct rebuild_options *options, struct rebuilt *ret, struct buffer *text,
             struct idevs_error *ret_err)
{
    const struct compartment_back_end *back_end = compartment_back_end(options->back_end);
    _cleanup_buffer_ struct buffer source = buffer_up_to(LIMIT_SOURCE);
    struct origin origin;

    if (!back_end)
        return refuse_expecting(ret_err, "usage", "a back end that `idevs-warden backends` lists",
                                "'%s'", options->back_end);
    if (!hex_exactly(bytes_of_text(options->manifest), origin.manifest, SHA256_LEN))
        return refuse_expecting(ret_err, "usage", "a digest of 64 hex digits", "another manifest");
    if (!file_read(options->source, &source, ret_err) ||
        !toolchain_verify(options->toolchain, origin.toolchain, ret_err) ||
        !back_ends_open_one(back_ends_compiler(), ret_err))
        return false;
    sha256(buffer_bytes(&source), origin.source);
    memcpy(ret->toolchain, origin.toolchain, SHA256_LEN);
    bool ok = compile_with(options, back_end, buffer_bytes(&source), &origin, ret, text, ret_err);
    back_ends_close_one(back_ends_compiler());
    return ok;
}

/* A program for tests of the warden, without the run-time: asks the attester and tells the launcher
 * what came. What the launcher writes first says what to do. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static size_t read_frame(uint8_t *frame, size_t size)
{
    size_t have = 0;
    size_t wanted = 4;

    while (have < wanted) {
        ssize_t n = read(4, frame + have, wanted - have);
        if (n <= 0)
            return 0;
        have += (size_t)n;
        if (have == 4 && wanted == 4)
            wanted += ((size_t)frame[0] << 24) | ((size_t)frame[1] << 16) |
                      ((size_t)frame[2] << 8) | frame[3];
        if (wanted > size)
            return 0;
    }
    return have;
}

/* One frame with 64 bytes of report data. */
static int attest(void)
{
    static uint8_t reply[65536];
    uint8_t frame[4 + 4 + 1 + 2 + 2 + 6 + 2 + 64] = {0, 0, 0, 81, 0, 0, 0, 1, 1, 0, 0, 0, 6};

    memcpy(frame + 13, "attest", 6);
    memset(frame + 21, 7, 64);
    if (write(4, frame, sizeof(frame)) != (ssize_t)sizeof(frame))
        return 2;
    size_t n = read_frame(reply, sizeof(reply));
    return write(3, reply, n) == (ssize_t)n && n > 0 ? 0 : 3;
}

int main(void)
{
    char what;

    while (read(3, &what, 1) == 1) {
        if (what == 'a' && attest() != 0)
            return 1;
        if (what == 'x')
            return 0;
    }
    return 4;
}

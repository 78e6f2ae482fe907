/* The host as the attempts find it: a folder with a file that everybody may read and write, a
 * process, an abstract Unix socket, shared memory; and whether it is as it was. */
#ifndef IDEVS_TESTS_ESCAPE_HOST_H
#define IDEVS_TESTS_ESCAPE_HOST_H

#include "attempt.h"

#define HOST_SECRET "what only the host knows" /* in the file */

/* Once, as root: gives the process a mount namespace of its own, so that what is counted is its
 * own. Ends the test when it cannot. */
void host_begin(void);
void host_end(void);

/* Before each attempt: fills `order` but its number. Afterwards host_unharmed() says NULL, or what
 * was found changed, and takes the process away again. */
void host_offer(void);
const char *host_unharmed(void);

/* NULL when since host_begin() no process, mount, control group or descriptor was left. */
const char *host_left(void);

#endif

/* This process itself. */
#ifndef IDEVS_BASE_PROCESS_H
#define IDEVS_BASE_PROCESS_H

/* No core files, piped ones included, and no look into the memory from beside by the same user:
 * called before any key is read. Aborts where the kernel does not do it. */
void process_forbid_dumps(void);

#endif

/* The back end `process`: a Linux process with nothing around it. It stands on the host's kernel:
 * whoever is root of the host, or breaks its kernel, can break it. What other back ends need of it
 * to hold a process of their own is here too. */
#ifndef IDEVS_COMPARTMENT_PROCESS_H
#define IDEVS_COMPARTMENT_PROCESS_H

#include "compartment/compartment.h"
#include "compartment/setup.h"

extern const struct compartment_back_end COMPARTMENT_PROCESS;
extern const char *const PROCESS_BUILD_FLAGS[]; /* of programs that Linux itself runs */

/* How a process is born. */
struct process_kind {
    uint64_t namespaces; /* CLONE_NEW* that it gets */
    mode_t mode;         /* of its executable: whoever may not read it may not trace it either */
    bool nursery;        /* may be born there (nursery.h): its `perform` is fit for it */
    /* What it does to itself until exec: setup.h says what it is given, and what it must tell. */
    void (*perform)(struct setup_plan *plan) _noreturn_;
    bool hides; /* its program gets secret memory, as the spec asks for */
};

/* The control groups that limit it, in words. */
void process_describe_groups(char *ret, size_t size);
void process_probe_root(struct compartment_gaps *ret); /* lacks root, where it does */
/* The functions of a back end's table, for a process of any kind. */
bool process_open(struct idevs_error *ret_err);
bool process_begin(const struct process_kind *kind, const struct compartment_spec *spec,
                   struct compartment **ret, struct idevs_error *ret_err) _must_check_;
int process_watch(const struct compartment *c);
bool process_measure(const struct compartment *c, struct eat_measured *ret);
uint64_t process_cpu_time(const struct compartment *c);
void process_kill(struct compartment *c, const char *code);
bool process_wait(struct compartment *c, struct compartment_end *ret);
void process_destroy(struct compartment *c);
/* What it means for a program that it ended with this status, or by this signal. */
struct compartment_end process_end_of(bool exited, int status);

#endif

// tests/litmus/verbs.h: the verbs of core/atomics.h for programs that GenMC runs. They differ in one point: the
// order of an access may be a macro, such as DEC, so that the command line can weaken it (-DDEC=relaxed). Waiting is
// not here: a program says by itself what becomes of a thread that waits.
//
// I1  A failed compare-and-swap is relaxed and leaves what it saw in *expected, as in the real code.
#ifndef TALLY_LITMUS_VERBS_H
#define TALLY_LITMUS_VERBS_H

#include <assert.h>
#include <genmc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LITMUS_C11(order) memory_order_##order
#define LITMUS_ORDER(order) LITMUS_C11(order) // expands a macro that names an order first

#define tally_load(p, order) atomic_load_explicit((p), LITMUS_ORDER(order))
#define tally_store(p, value, order) atomic_store_explicit((p), (value), LITMUS_ORDER(order))
#define tally_exchange(p, value, order) atomic_exchange_explicit((p), (value), LITMUS_ORDER(order))
#define tally_cas(p, expected, desired, order) \
	atomic_compare_exchange_strong_explicit((p), (expected), (desired), LITMUS_ORDER(order), memory_order_relaxed)
#define tally_fetch_add(p, n, order) atomic_fetch_add_explicit((p), (n), LITMUS_ORDER(order))
#define tally_fetch_sub(p, n, order) atomic_fetch_sub_explicit((p), (n), LITMUS_ORDER(order))
#define tally_fetch_or(p, n, order) atomic_fetch_or_explicit((p), (n), LITMUS_ORDER(order))
#define tally_fetch_and(p, n, order) atomic_fetch_and_explicit((p), (n), LITMUS_ORDER(order))

#endif

// stress/worker_blocks.h: workloads that repeat one small block of work until the time is up.
//
// A block is the same calls with the same values every time, and returns what it observed (elements found where they
// belong, sizes, counts) as one number. Every block of every thread must observe the same: a block that does not is
// counted, and the digest is made of the observation and that count. So the digest does not depend on how many
// blocks the time allowed or on the number of threads, and yet one wrong answer in a billion changes it.
#ifndef STRESS_WORKER_BLOCKS_H
#define STRESS_WORKER_BLOCKS_H

#include "worker.h"

// Adds its operations to member->ops and returns what it saw.
typedef uint64_t (*block_fn)(struct member *member);

// At least one block, then more while the run goes on.
void blocks_repeat(struct member *member, block_fn block);

// The digest of what all members saw, and of `last`, what the workload saw once at the end.
uint64_t blocks_digest(const struct run *run, uint64_t last);

#endif

// stress/worker_ring.h: a bounded ring of batches between threads, as a host would write it: plain C, one mutex, two
// conditions, nothing of the library but the blocking regions.
//
// A batch of object pointers carries one reference each. Putting gives these references to the ring, taking gives
// them to the caller; the ring itself counts nothing.
//
// I1  Nobody enters the runtime while holding the mutex, so it may be taken by an attached thread: its holder never
//     waits for anything.
// I2  Whoever has to wait does so inside a blocking region, and until the ring is half empty or half full: else the
//     two ends would wake each other for every batch, and the row would show the system's scheduler.
// I3  Nobody waits for ever: a producer waits only while batches are there for a consumer, a consumer that waits while
//     some are left is woken by the producer that fills the ring to the half or by the last one that leaves.
#ifndef STRESS_WORKER_RING_H
#define STRESS_WORKER_RING_H

#include <pthread.h>
#include <stdbool.h>

#include <tally/tally.h>

#define RING_BATCH 64
#define RING_BATCHES 64
#define RING_HALF (RING_BATCHES / 2)

struct ring_batch {
	tally_object *objects[RING_BATCH];
};

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t room;   // half empty
	pthread_cond_t supply; // half full, or a producer left
	// guarded by mutex:
	unsigned producers; // that have not left
	unsigned first;     // index of the oldest batch
	unsigned count;
	struct ring_batch batches[RING_BATCHES];
};

void ring_init(struct ring *ring, unsigned producers);
void ring_fini(struct ring *ring);

// Waits for room. Cannot fail.
void ring_put(struct ring *ring, const struct ring_batch *batch);

// Waits for a batch. False when there is none and every producer has left.
bool ring_take(struct ring *ring, struct ring_batch *batch);

// A producer says that it will put no more.
void ring_leave(struct ring *ring);

#endif

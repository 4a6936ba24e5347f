// stress/worker_ring.c: see worker_ring.h.
#include "worker_ring.h"

#include "worker.h"

void ring_init(struct ring *ring, unsigned producers)
{
	pthread_mutex_init(&ring->mutex, NULL);
	pthread_cond_init(&ring->room, NULL);
	pthread_cond_init(&ring->supply, NULL);
	ring->producers = producers;
	ring->first = 0;
	ring->count = 0;
}

void ring_fini(struct ring *ring)
{
	pthread_cond_destroy(&ring->supply);
	pthread_cond_destroy(&ring->room);
	pthread_mutex_destroy(&ring->mutex);
}

static bool try_put_locked(struct ring *ring, const struct ring_batch *batch)
{
	if (ring->count == RING_BATCHES) {
		return false;
	}
	ring->batches[(ring->first + ring->count) % RING_BATCHES] = *batch;
	if (++ring->count == RING_HALF) {
		pthread_cond_broadcast(&ring->supply);
	}
	return true;
}

static bool try_take_locked(struct ring *ring, struct ring_batch *batch)
{
	if (ring->count == 0) {
		return false;
	}
	*batch = ring->batches[ring->first];
	ring->first = (ring->first + 1) % RING_BATCHES;
	if (--ring->count == RING_HALF) {
		pthread_cond_broadcast(&ring->room);
	}
	return true;
}

static void put_slow(struct ring *ring, const struct ring_batch *batch)
{
	worker_check(tally_blocking_begin(), "tally_blocking_begin");
	pthread_mutex_lock(&ring->mutex);
	do {
		while (ring->count > RING_HALF) {
			pthread_cond_wait(&ring->room, &ring->mutex);
		}
	} while (!try_put_locked(ring, batch));
	pthread_mutex_unlock(&ring->mutex);
	worker_check(tally_blocking_end(), "tally_blocking_end");
}

static bool take_slow(struct ring *ring, struct ring_batch *batch)
{
	worker_check(tally_blocking_begin(), "tally_blocking_begin");
	pthread_mutex_lock(&ring->mutex);
	while (ring->count < RING_HALF && ring->producers > 0) {
		pthread_cond_wait(&ring->supply, &ring->mutex);
	}
	bool taken = try_take_locked(ring, batch);
	pthread_mutex_unlock(&ring->mutex);
	worker_check(tally_blocking_end(), "tally_blocking_end");
	return taken;
}

void ring_put(struct ring *ring, const struct ring_batch *batch)
{
	pthread_mutex_lock(&ring->mutex);
	bool put = try_put_locked(ring, batch);
	pthread_mutex_unlock(&ring->mutex);
	if (!put) {
		put_slow(ring, batch);
	}
}

bool ring_take(struct ring *ring, struct ring_batch *batch)
{
	pthread_mutex_lock(&ring->mutex);
	bool taken = try_take_locked(ring, batch);
	pthread_mutex_unlock(&ring->mutex);
	return taken || take_slow(ring, batch);
}

void ring_leave(struct ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	ring->producers--;
	pthread_cond_broadcast(&ring->supply);
	pthread_mutex_unlock(&ring->mutex);
}

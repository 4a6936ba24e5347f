// stress/pin.h: threads that are to run at once get processors of their own, where there are enough (stress/share.c,
// stress/weak_race.c).
#ifndef TALLY_STRESS_PIN_H
#define TALLY_STRESS_PIN_H

#include <pthread.h>
#include <sched.h>
#include <stddef.h>

// The calling thread to one of those that are allowed, in turn. None: nothing is known of them, and nothing done.
static inline void pin_to(const cpu_set_t *allowed, size_t index)
{
	cpu_set_t one;
	if (CPU_COUNT(allowed) == 0) return;
	size_t left = index % (size_t)CPU_COUNT(allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, allowed) || left--) continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(pthread_self(), sizeof one, &one);
		return;
	}
}

#endif

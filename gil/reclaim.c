// gil/reclaim.c: what a read section may have lent waits for its end. Nothing else has to wait: the lock is held.
//
// While a thread is in a read section nobody else runs, so only what the thread itself takes out of a container can have been
// lent. It is put on a list of the thread's, and dropped when the outermost section has ended. Arrays, tables and pages are never
// lent. Without memory for a place on the list the reference is given up for lost: an object that lives on does no harm.
//
// The holder of the lock.
#include "heap.h"
#include "lock.h"
#include "os.h"
#include "variant.h"

#include <string.h>

struct tally_retired {
	struct tally_retired *next;
	struct tally_object *object;
};

static _Atomic uint64_t waiting; // of all threads; changed by the holder. Relaxed: reports look at it without the lock

static _Atomic uint64_t lost; // the same

static void count(int64_t more) { tally_store(&waiting, tally_load(&waiting, relaxed) + (uint64_t)more, relaxed); }

void variant_retire(struct tally_object *reference)
{
	if (variant_refcount(reference) == UINT32_MAX) return; // immortal
	struct tally_retired *retired = tally_record_new(sizeof *retired);
	if (!retired) {
		tally_store(&lost, tally_load(&lost, relaxed) + 1, relaxed);
		return;
	}
	*retired = (struct tally_retired){tally_self.retired, reference};
	tally_self.retired = retired;
	count(1);
}

void variant_retire_raw(void *raw) { tally_raw_free(raw); }

void variant_retire_page(struct tally_page *page) { tally_pages_give(page); }

uint64_t variant_stamp(void) { return 0; }

bool variant_has_passed(uint64_t stamp)
{
	(void)stamp;
	return true;
}

void gil_drop_lent(void)
{
	for (struct tally_retired *retired; (retired = tally_self.retired);) {
		struct tally_object *object = retired->object;
		tally_self.retired = retired->next;
		tally_record_free(retired);
		count(-1);
		variant_decref(object);
	}
}

void variant_lend(struct tally_object *object) { (void)object; }

void variant_reclaim_stopped(void) {}

void variant_reclaim(void) {}

void variant_retired(tally_retired_stats *stats)
{
	stats->lost = tally_load(&lost, relaxed);
	stats->number = tally_load(&waiting, relaxed);
	if (!tally_self.retired) return;
	stats->holder = tally_self.member->tid;
	stats->holder_reads = true;
	memcpy(stats->holder_name, tally_self.name, sizeof stats->holder_name);
}

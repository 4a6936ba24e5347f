// biased/epoch.c: the one file that calls ck_epoch (epoch.h): its own barriers, what the exhaustive scheduler is to know of each call,
// and the edges that ThreadSanitizer cannot see.
#include "epoch.h"

static ck_epoch_t epoch;

// ---- for ThreadSanitizer ----

#if defined(__SANITIZE_THREAD__)
#define TALLY_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TALLY_TSAN 1
#endif
#endif

#ifdef TALLY_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static void has_gone_on(void) { __tsan_release(&epoch); }
static void all_have_gone_on(void) { __tsan_acquire(&epoch); }
#else
static void has_gone_on(void) {}
static void all_have_gone_on(void) {}
#endif

// ---- sections ----

void epoch_init(void) { ck_epoch_init(&epoch); }

void epoch_register(ck_epoch_record_t *record) { ck_epoch_register(&epoch, record, NULL); }

void epoch_enter(ck_epoch_record_t *record)
{
	TALLY_ACCESS(&epoch.epoch, true);
	ck_epoch_begin(record, NULL);
	ck_pr_fence_memory(); // on weak machines 0.7.1 lets what is read in the section move before its beginning
}

void epoch_leave(ck_epoch_record_t *record)
{
	has_gone_on();
	TALLY_ACCESS(&epoch.epoch, true);
	ck_epoch_end(record, NULL);
}

void epoch_renew(ck_epoch_record_t *record)
{
	epoch_leave(record);
	epoch_enter(record);
}

// ---- grace periods ----

uint32_t epoch_stamp(void)
{
	ck_pr_fence_memory();
	TALLY_ACCESS(&epoch.epoch, false);
	return ck_pr_load_uint(&epoch.epoch);
}

bool epoch_has_passed(uint32_t stamp)
{
	TALLY_ACCESS(&epoch.epoch, false);
	if ((int32_t)(ck_pr_load_uint(&epoch.epoch) - stamp) < 2) return false;
	ck_pr_fence_memory();
	all_have_gone_on();
	return true;
}

void epoch_barrier(void)
{
	TALLY_ACCESS(&epoch.epoch, true);
	ck_pr_fence_memory();
}

static void never_called(ck_epoch_entry_t *entry) { (void)entry; }

void epoch_retire(ck_epoch_record_t *record, ck_epoch_entry_t *entry)
{
	ck_pr_fence_memory();
	TALLY_ACCESS(&epoch.epoch, false);
	ck_epoch_call(record, entry, never_called);
}

void epoch_poll(ck_epoch_record_t *record, ck_stack_t *ready)
{
	TALLY_ACCESS(&epoch.epoch, true);
	ck_epoch_poll_deferred(record, ready);
	ck_pr_fence_memory(); // what others did before they went on comes before what is done with it; 0.7.1 leaves that to x86
	all_have_gone_on();
}

void epoch_flush(ck_epoch_record_t *record, ck_stack_t *ready)
{
	for (unsigned i = 0; i < CK_EPOCH_LENGTH; i++)
		for (ck_stack_entry_t *entry; (entry = ck_stack_pop_npsc(&record->pending[i]));) {
			ck_stack_push_spnc(ready, entry);
			record->n_pending--;
		}
	all_have_gone_on();
}

uint32_t epoch_of(const ck_epoch_record_t *record) { return ck_pr_load_uint(&record->epoch); }

bool epoch_is_past(const ck_epoch_record_t *record)
{
	TALLY_ACCESS(&epoch.epoch, false);
	return ck_pr_load_uint(&epoch.epoch) != epoch_of(record);
}

// ---- from outside ----

bool epoch_is_inside(const ck_epoch_record_t *record) { return ck_pr_load_uint(&record->active); }

bool epoch_lags(const ck_epoch_record_t *record, uint32_t *age)
{
	TALLY_ACCESS(&epoch.epoch, false);
	uint32_t seen = ck_pr_load_uint(&record->epoch); // first: the other only grows
	*age = ck_pr_load_uint(&epoch.epoch) - seen;
	return epoch_is_inside(record) && (int32_t)*age > 0;
}

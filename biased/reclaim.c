// biased/reclaim.c: what has been unlinked while others may be reading it: kept until they have gone on, then given up.
//
// Each slot has a limbo: a record of epochs (epoch.h), inside a section of which its thread is while it is attached, and what the
// thread has retired: raw buffers, references, large pages. When there is enough of it (by bytes or by number) the thread sets
// REFRESH in its own slot's word; its next stop point renews the section, polls, and frees what is ready. If that has not helped
// enough, it sets REFRESH in the words of those who lag, and claims the limbos of those who are away. Who has lagged and goes on
// sets REFRESH in the words of those who wait: so nothing waits for more than the next few points of the threads that are attached.
// References that are ready are dropped at a run point, since destructors may run. docs/reclamation.md has the whole.
//
// A reference waits only if a read section is open somewhere, or if it is to a key that others compare where it stands.
//
// A stopped world is a grace period of its own for all but references: at a stop point nobody holds a pointer into a container.
// Only what a read section has borrowed outlives stop points; so inside one the thread keeps its epoch.
//
// A record of a retirement needs memory. Without it the world is stopped, and what was to be retired is free at once; a reference
// is then dropped at once too, unless somebody is in a read section: then it is given up for lost, and counted.
//
// I1  A limbo is touched by whoever holds its slot's role; but for its atomic fields, which anybody may read, and `asked`,
//     which those set who have begun to wait for the thread.
// I2  While `reading` of the thread is not NULL its record is neither renewed nor polled.
// I3  Nothing raw, and no page, survives variant_reclaim_stopped in a limbo.
#include "reclaim.h"
#include "object.h"
#include "os.h"
#include "retire.h"
#include "stop.h"

#include <string.h>

enum {
	ENOUGH = TALLY_TUNED(64, 2),                  // retirements between two polls
	ENOUGH_BYTES = TALLY_TUNED(1 << 18, 1 << 10), // bytes of them
	SPARES = 64,                                  // records kept for the next retirements
	REFERENCE = 1,                                // lowest bit of `what`: a reference, else a raw buffer
};

struct retired {
	ck_epoch_entry_t entry;
	uintptr_t what;
	struct retired *next;
};

struct tally_limbo {
	ck_epoch_record_t record;
	struct tally_slot *slot;
	struct tally_limbo *next; // of all
	struct retired *spare, *ready;
	unsigned spares, unpolled;
	size_t unpolled_bytes;
	struct tally_page *pages; // large ones, linked by `next`
	_Atomic uint64_t bytes, number; // relaxed: for reports, and to see whether there is anything
	_Atomic uint64_t asked;         // tally_clock, when others began to wait for the thread; 0: they do not. Relaxed: for reports
	_Atomic uint32_t reads;         // the thread is in a read section
	_Atomic uint32_t wants;         // it waits for `wanted` to have passed. Relaxed: a hint to those whom it waits for
	uint32_t wanted;                // a stamp: what has been retired later may wait for more to come
	bool is_inside;
};

static _Atomic(struct tally_limbo *) first_limbo;

static struct tally_limbo *limbo_of(const struct tally_slot *slot) { return slot->limbo; }
static struct tally_limbo *my_limbo(void) { return tally_self.slot->limbo; }

// ---- accounts ----

static void add(_Atomic uint64_t *figure, uint64_t more) { tally_store(figure, tally_load(figure, relaxed) + more, relaxed); }

static void enter_account(struct tally_limbo *limbo, size_t bytes)
{
	add(&limbo->bytes, bytes);
	add(&limbo->number, 1);
	limbo->unpolled_bytes += bytes;
	limbo->unpolled++;
}

static void leave_account(struct tally_limbo *limbo, size_t bytes)
{
	add(&limbo->bytes, (uint64_t)0 - bytes);
	add(&limbo->number, (uint64_t)0 - 1);
}

static bool has_enough(const struct tally_limbo *limbo)
{
	return limbo->unpolled >= ENOUGH || limbo->unpolled_bytes >= ENOUGH_BYTES;
}

static bool is_empty(const struct tally_limbo *limbo) { return !tally_load(&limbo->number, relaxed); }

// Let it be gone before long: what has been retired so far.
static void want(struct tally_limbo *limbo, uint32_t stamp)
{
	limbo->wanted = stamp;
	tally_store(&limbo->wants, 1, relaxed);
}

static bool still_wants(struct tally_limbo *limbo)
{
	bool wants = tally_load(&limbo->wants, relaxed);
	if (!wants || !epoch_has_passed(limbo->wanted)) return wants;
	tally_store(&limbo->wants, 0, relaxed);
	return false;
}

// ---- records ----

static struct retired *take_record(struct tally_limbo *limbo)
{
	struct retired *record = limbo->spare;
	if (!record) return tally_record_new(sizeof *record);
	limbo->spare = record->next;
	limbo->spares--;
	return record;
}

static void put_record(struct tally_limbo *limbo, struct retired *record)
{
	if (limbo->spares >= SPARES) {
		tally_record_free(record);
		return;
	}
	record->next = limbo->spare;
	limbo->spare = record;
	limbo->spares++;
}

static size_t bytes_of(const struct retired *record)
{
	return record->what & REFERENCE ? 0 : tally_page_of((void *)record->what)->block_size;
}

// ---- what is ready ----

static struct retired *take_ready(ck_stack_t *ready)
{
	ck_stack_entry_t *entry = ck_stack_pop_npsc(ready);
	return entry ? (struct retired *)(void *)((char *)entry - offsetof(struct retired, entry.stack_entry)) : NULL;
}

// The calling thread is to drop it at its next run point. It has left the account of its limbo.
static void put_ready(struct retired *record)
{
	struct tally_limbo *mine = my_limbo();
	add(&mine->number, 1);
	record->next = mine->ready;
	mine->ready = record;
	tally_self.pending |= TALLY_PENDING_RETIRED;
}

// No claim is held: a buffer of another thread that is away is freed by claiming its slot.
static void give_up(struct retired *record)
{
	if (record->what & REFERENCE) {
		put_ready(record);
		return;
	}
	if (tally_self.is_stopper) tally_heap_free_stopped((void *)record->what);
	else tally_heap_free((void *)record->what);
	put_record(my_limbo(), record);
}

static void give_up_all(struct retired *records)
{
	for (struct retired *record; (record = records);) {
		records = record->next;
		give_up(record);
	}
}

static void link_record(struct retired **records, struct retired *record)
{
	record->next = *records;
	*records = record;
}

static void give_pages(struct tally_limbo *limbo, bool all)
{
	for (struct tally_page **link = &limbo->pages, *page; (page = *link);) {
		if (!all && !epoch_has_passed((uint32_t)page->stamp)) {
			link = &page->next;
			continue;
		}
		*link = page->next;
		leave_account(limbo, (size_t)page->run << TALLY_PAGE_SHIFT);
		tally_pages_give(page);
	}
}

// Takes out what is ready. Role held; the record is outside, or has just been renewed.
static struct retired *collect(struct tally_limbo *limbo)
{
	struct retired *records = NULL;
	ck_stack_t ready = CK_STACK_INITIALIZER;
	limbo->unpolled = 0;
	limbo->unpolled_bytes = 0;
	epoch_poll(&limbo->record, &ready);
	for (struct retired *record; (record = take_ready(&ready));) {
		leave_account(limbo, bytes_of(record));
		link_record(&records, record);
	}
	give_pages(limbo, false);
	return records;
}

// What was ready when its thread left. Role held.
static void take_over_ready(struct tally_limbo *limbo)
{
	if (limbo == my_limbo()) return;
	for (struct retired *record; (record = limbo->ready);) {
		limbo->ready = record->next;
		leave_account(limbo, 0);
		put_ready(record);
	}
}

void tally_retired_drop(void)
{
	struct tally_limbo *limbo = my_limbo();
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_RETIRED;
	for (struct retired *record; (record = limbo->ready);) {
		struct tally_object *object = (struct tally_object *)(record->what & ~(uintptr_t)REFERENCE);
		limbo->ready = record->next;
		leave_account(limbo, 0);
		put_record(limbo, record);
		variant_decref(object);
	}
}

// ---- asking others ----

static void ask(struct tally_slot *slot)
{
	uint64_t word = tally_load(&slot->word, relaxed);
	while ((word & SLOT_ROLE) == SLOT_ATTACHED && !(word & SLOT_REFRESH) && !tally_cas(&slot->word, &word, word | SLOT_REFRESH, relaxed))
		;
}

// What somebody who is away has left.
static void poll_for(struct tally_limbo *limbo)
{
	struct retired *records = NULL;
	if (!slot_try_claim(limbo->slot)) return;
	take_over_ready(limbo);
	if (!limbo->is_inside) records = collect(limbo); // in a read section its thread is away for a moment only (I2)
	slot_release(limbo->slot);
	give_up_all(records);
}

static struct tally_limbo *first(void)
{
	// order: acquire the limbos as they were linked; pairs with tally_slot_prepare. Else: half a limbo is looked at.
	return tally_load(&first_limbo, acquire);
}

// One step: goes on to the present epoch, and gives up what is ready: its own, and what others have left. True: somebody still
// wants more of it to be.
static bool go_on(struct tally_limbo *limbo)
{
	epoch_renew(&limbo->record);
	if (!is_empty(limbo) || still_wants(limbo)) give_up_all(collect(limbo));
	bool waits = still_wants(limbo);
	for (struct tally_limbo *other = first(); other; other = other->next) {
		if (is_empty(other) || tally_load(&other->slot->word, relaxed) != SLOT_DETACHED) continue;
		poll_for(other);
		waits |= !is_empty(other);
	}
	return waits;
}

static void ask_those_who_lag(void)
{
	uint32_t age;
	for (struct tally_limbo *limbo = first(); limbo; limbo = limbo->next) {
		if (limbo->slot == tally_self.slot || !epoch_lags(&limbo->record, &age)) continue;
		if (!tally_load(&limbo->asked, relaxed)) tally_store(&limbo->asked, tally_clock(), relaxed);
		ask(limbo->slot);
	}
}

static void ask_those_who_wait(void)
{
	for (struct tally_limbo *limbo = first(); limbo; limbo = limbo->next)
		if (limbo->slot != tally_self.slot && tally_load(&limbo->wants, relaxed)) ask(limbo->slot);
}

// ---- points ----

// The first step may do no more than lead to the next epoch: after it the second looks once more.
static void renew_and_poll(struct tally_limbo *limbo)
{
	uint32_t before = epoch_of(&limbo->record);
	tally_store(&limbo->asked, 0, relaxed);
	bool waits = go_on(limbo), has_gone_on = epoch_of(&limbo->record) != before; // known only now: others go on meanwhile
	if (waits && go_on(limbo)) ask_those_who_lag();
	if (has_gone_on) ask_those_who_wait();
}

void tally_slot_refresh(struct tally_slot *slot)
{
	tally_fetch_and(&slot->word, ~(uint64_t)SLOT_REFRESH, relaxed);
	if (!tally_self.reading) renew_and_poll(limbo_of(slot)); // else variant_reading_end does
}

static void enter(struct tally_limbo *limbo)
{
	if (limbo->is_inside) return;
	epoch_enter(&limbo->record);
	limbo->is_inside = true;
}

static void leave(struct tally_limbo *limbo)
{
	if (!limbo->is_inside) return;
	epoch_leave(&limbo->record);
	limbo->is_inside = false;
	if (!tally_load(&limbo->asked, relaxed) && !epoch_is_past(&limbo->record)) return;
	tally_store(&limbo->asked, 0, relaxed);
	ask_those_who_wait(); // for this thread, perhaps
}

void tally_slot_entered(struct tally_slot *slot) { enter(limbo_of(slot)); }

void tally_slot_leaving(struct tally_slot *slot) { leave(limbo_of(slot)); }

void tally_slot_settle(struct tally_slot *slot)
{
	struct tally_limbo *limbo = limbo_of(slot);
	if (is_empty(limbo)) return;
	want(limbo, epoch_stamp());
	if (!tally_self.reading) renew_and_poll(limbo);
	tally_retired_drop();
}

void tally_slot_pausing(struct tally_slot *slot)
{
	if (!tally_self.reading) leave(limbo_of(slot));
}

// ---- retiring ----

static _Atomic uint64_t lost; // relaxed: changed in stopped worlds, looked at by reports

static bool somebody_reads(void)
{
	for (struct tally_limbo *limbo = first(); limbo; limbo = limbo->next)
		// order: acquire the reader's last use of what it has borrowed; pairs with variant_reading_end. Else: it is destroyed under it.
		if (tally_load(&limbo->reads, acquire)) return true;
	return false;
}

static void want_and_ask(struct tally_limbo *limbo, uint32_t stamp)
{
	want(limbo, stamp);
	ask(limbo->slot);
}

static bool retire(uintptr_t what, size_t bytes)
{
	struct tally_limbo *limbo = my_limbo();
	struct retired *record = take_record(limbo);
	if (!record) return false;
	record->what = what;
	epoch_retire(&limbo->record, &record->entry);
	enter_account(limbo, bytes);
	if (has_enough(limbo)) want_and_ask(limbo, epoch_stamp());
	return true;
}

void variant_retire_raw(void *raw)
{
	if (tally_likely(retire((uintptr_t)raw, tally_page_of(raw)->block_size))) return;
	variant_world_stop();
	tally_heap_free_stopped(raw);
	variant_world_start();
}

// A section that begins after the barrier does not find the reference any more; one that began before it is seen.
static bool may_be_borrowed(void)
{
	epoch_barrier();
	return somebody_reads();
}

// Somebody may wait for its destruction: it does not wait for more to come.
static void want_soon(struct tally_limbo *limbo)
{
	bool has_asked = tally_load(&limbo->wants, relaxed);
	want(limbo, epoch_stamp());
	if (!has_asked) ask(limbo->slot);
}

void variant_retire(struct tally_object *reference)
{
	if (variant_refcount(reference) == UINT32_MAX) return; // immortal
	bool is_key = tally_key_is_read_in_place(reference); // or the like of one, whose end nobody notices
	if (!is_key && !may_be_borrowed()) {
		variant_decref(reference);
		return;
	}
	if (tally_likely(retire((uintptr_t)reference | REFERENCE, 0))) {
		if (!is_key) want_soon(my_limbo());
		return;
	}
	variant_world_stop();
	bool is_lent = somebody_reads();
	if (is_lent) add(&lost, 1);
	variant_world_start();
	if (!is_lent) variant_decref(reference);
}

void variant_retire_page(struct tally_page *page)
{
	if (tally_self.is_stopper) {
		tally_pages_give(page);
		return;
	}
	struct tally_limbo *limbo = limbo_of(tally_slots[page->owner]);
	page->state = TALLY_PAGE_RETIRED;
	page->stamp = epoch_stamp();
	page->next = limbo->pages;
	limbo->pages = page;
	enter_account(limbo, (size_t)page->run << TALLY_PAGE_SHIFT);
	want_and_ask(limbo, (uint32_t)page->stamp);
	if (limbo != my_limbo()) ask(tally_self.slot); // the owner is away
}

uint64_t variant_stamp(void) { return tally_self.is_stopper ? (uint64_t)epoch_stamp() - 2 : epoch_stamp(); }

bool variant_has_passed(uint64_t stamp)
{
	if (epoch_has_passed((uint32_t)stamp)) return true;
	want_and_ask(my_limbo(), (uint32_t)stamp);
	return false;
}

// ---- read sections ----

void variant_reading_begin(void)
{
	tally_store(&my_limbo()->reads, 1, relaxed);
	epoch_barrier(); // before anything is borrowed; may_be_borrowed has the other one
}

void variant_reading_end(void)
{
	struct tally_limbo *limbo = my_limbo();
	// order: release the last use of what was borrowed; pairs with somebody_reads. Else: it is destroyed under this thread.
	tally_store(&limbo->reads, 0, release);
	uint32_t age;
	if (still_wants(limbo) || epoch_lags(&limbo->record, &age)) renew_and_poll(limbo);
	tally_retired_drop();
}

void variant_lend(struct tally_object *object)
{
	// order: acquire that every later writer sees the flag; pairs with variant_lend. Else: what is borrowed is dropped at once.
	if (tally_likely(tally_load(&object->flags, acquire) & LOCK_LENT)) return;
	enum tally_hold hold = variant_lock_take(object);
	// order: release that the lock is held by whoever tells of borrowers; pairs with variant_lend. Else: as above.
	tally_fetch_or(&object->flags, LOCK_SHARED | LOCK_LENT, release);
	variant_lock_drop(object, hold);
}

// ---- stopped worlds ----

// A reference may be borrowed by a section that is open: it goes on waiting.
static void keep(struct tally_limbo *limbo, struct retired *record) { epoch_retire(&limbo->record, &record->entry); }

static void flush(struct tally_limbo *limbo, bool is_lent)
{
	ck_stack_t ready = CK_STACK_INITIALIZER;
	epoch_flush(&limbo->record, &ready);
	take_over_ready(limbo);
	for (struct retired *record; (record = take_ready(&ready));) {
		if (is_lent && record->what & REFERENCE) {
			keep(limbo, record);
			continue;
		}
		leave_account(limbo, bytes_of(record));
		give_up(record);
	}
	give_pages(limbo, true);
	limbo->unpolled = 0;
	limbo->unpolled_bytes = 0;
}

void variant_reclaim_stopped(void)
{
	bool is_lent = somebody_reads();
	for (struct tally_limbo *limbo = first(); limbo; limbo = limbo->next)
		if (!is_empty(limbo)) flush(limbo, is_lent);
}

void variant_reclaim(void)
{
	bool is_idle = true;
	for (struct tally_limbo *limbo = first(); limbo; limbo = limbo->next) is_idle &= is_empty(limbo);
	if (is_idle) return;
	variant_world_stop();
	variant_reclaim_stopped();
	variant_world_start();
	tally_retired_drop();
}

// ---- reports ----

struct search {
	const struct tally_limbo *oldest; // whom others have waited for longest
	uint64_t since;
	tally_retired_stats *stats;
};

static void look_at(const struct tally_limbo *limbo, struct search *search)
{
	uint32_t age;
	uint64_t asked = tally_load(&limbo->asked, relaxed), since = asked ? asked : UINT64_MAX; // nobody has had to ask so far
	if (!epoch_lags(&limbo->record, &age) || (search->oldest && since >= search->since)) return;
	search->oldest = limbo;
	search->since = since;
}

static void name_holder(const struct tally_member *member, void *context)
{
	const struct search *search = context;
	if (!member->slot || limbo_of(member->slot) != search->oldest) return;
	search->stats->holder = member->tid;
	search->stats->holder_reads = tally_load(&search->oldest->reads, relaxed);
	memcpy(search->stats->holder_name, member->name, sizeof search->stats->holder_name);
}

void variant_retired(tally_retired_stats *stats)
{
	stats->lost = tally_load(&lost, relaxed);
	struct search search = {.stats = stats};
	for (struct tally_limbo *limbo = first(); limbo; limbo = limbo->next) {
		stats->bytes += tally_load(&limbo->bytes, relaxed);
		stats->number += tally_load(&limbo->number, relaxed);
		look_at(limbo, &search);
	}
	if (search.oldest && stats->number) tally_threads_each_held(name_holder, &search);
}

// ---- the life of a limbo ----

bool tally_slot_prepare(struct tally_slot *slot)
{
	struct tally_limbo *limbo = tally_record_new(sizeof *limbo);
	if (!limbo) return false;
	limbo->slot = slot;
	slot->limbo = limbo;
	epoch_register(&limbo->record);
	limbo->next = tally_load(&first_limbo, relaxed); // the registry's latch is held
	// order: release the limbo; pairs with first. Else: half a limbo is looked at.
	tally_store(&first_limbo, limbo, release);
	return true;
}

void tally_reclaim_init(void)
{
	epoch_init();
	tally_store(&first_limbo, NULL, relaxed);
}

// Nobody is attached, and the heap goes with all that is in it.
void tally_reclaim_fini(void)
{
	for (struct tally_limbo *limbo = first(), *next; limbo; limbo = next) {
		ck_stack_t left = CK_STACK_INITIALIZER;
		next = limbo->next;
		epoch_flush(&limbo->record, &left);
		for (struct retired *record; (record = take_ready(&left));) tally_record_free(record);
		for (struct retired *record; (record = limbo->ready);) limbo->ready = record->next, tally_record_free(record);
		for (struct retired *record; (record = limbo->spare);) limbo->spare = record->next, tally_record_free(record);
		tally_record_free(limbo);
	}
	tally_store(&first_limbo, NULL, relaxed);
}

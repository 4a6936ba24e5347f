// biased/epoch.h: epochs: when has every thread that might be reading something gone on? Concurrency Kit's ck_epoch, wrapped.
//
// An attached thread is inside a section of its own record all the time; it leaves when it detaches and renews the section at a
// stop point when asked to (reclaim.c). So reading costs nothing, and what was unlinked before everybody has renewed or left
// cannot be seen by anybody. What is retired in epoch e is ready in epoch e + 2; the epoch goes on when every record inside has
// seen it.
//
// Why a wrapper. ThreadSanitizer sees neither ck's assembly nor into libck, so the two edges that an epoch promises are stated
// here by hand, and nowhere else: whoever leaves or renews comes before whoever then finds something ready. And ck_epoch_call
// reads the epoch without a barrier: a thread whose unlinking still waits in its store buffer would get an epoch that is too
// early, so there is one here.
//
// A record is entered, renewed, left, polled by the thread that holds its slot's role.
// K. Fraser, "Practical lock-freedom" (2004), for epochs; the manual of ck_epoch for the interface.
#ifndef TALLY_BIASED_EPOCH_H
#define TALLY_BIASED_EPOCH_H

#include "atomics.h"

#include <ck_epoch.h>

void epoch_init(void);
void epoch_register(ck_epoch_record_t *record);

void epoch_enter(ck_epoch_record_t *record);
void epoch_leave(ck_epoch_record_t *record);
// Leaves and enters.
void epoch_renew(ck_epoch_record_t *record);

// The epoch now: what has been unlinked by the calling thread before is out of sight when epoch_has_passed says so.
uint32_t epoch_stamp(void);
bool epoch_has_passed(uint32_t stamp);

// What the calling thread has written is seen by all before it reads what follows.
void epoch_barrier(void);

// Puts `entry` on the record's lists, to be given out by a poll when its time has come.
void epoch_retire(ck_epoch_record_t *record, ck_epoch_entry_t *entry);
// Tries to go on to the next epoch, and moves to `ready` what is ready. The record is outside, or has just been renewed.
void epoch_poll(ck_epoch_record_t *record, ck_stack_t *ready);
// World stopped: moves everything to `ready`.
void epoch_flush(ck_epoch_record_t *record, ck_stack_t *ready);

// In which epoch its section began; whether there has been another since. The record's thread.
uint32_t epoch_of(const ck_epoch_record_t *record);
bool epoch_is_past(const ck_epoch_record_t *record);

bool epoch_is_inside(const ck_epoch_record_t *record);
// The record keeps the epoch from going on; a glimpse. *age: by how many epochs it is behind.
bool epoch_lags(const ck_epoch_record_t *record, uint32_t *age);

#endif

// biased/section.c: critical sections as held light locks.
//
// A section holds its object's lock from its beginning to its end. When its thread goes away (a blocking region, a wait
// for another lock) all its sections let go; when it is back the innermost takes its object again, and each outer one when
// it has become the innermost (sections over one object go together). A stop of the world suspends nothing: the thread stands still with the lock held, and no
// stopper takes object locks.
//
// I1  section.hold is TALLY_HOLD_NONE while suspended, else how the lock is held; NESTED: an outer section holds it.
// I2  Whoever waits for a lock holds none: so threads in sections cannot wait for one another in a circle.
#include "slot.h"
#include "variant.h"

// The lock that `section` has taken belongs to the outermost section over the same object; those inside are nested.
static void pass_outward(tally_critical *section)
{
	for (tally_critical *outer = section->outer; outer; outer = outer->outer)
		if (outer->object == section->object && outer->hold == TALLY_HOLD_NONE) {
			outer->hold = section->hold;
			section->hold = TALLY_HOLD_NESTED;
			section = outer;
		}
}

static void take(tally_critical *section)
{
	enum tally_hold hold = variant_lock_take(section->object);
	section->hold = (unsigned)hold & ~(unsigned)LOCK_HOLD_RESUME; // other outer sections wait until this one has ended
	if (section->hold != TALLY_HOLD_NESTED) pass_outward(section);
}

static void drop(tally_critical *section)
{
	enum tally_hold hold = (enum tally_hold)section->hold;
	section->hold = TALLY_HOLD_NONE;
	if (hold != TALLY_HOLD_NONE) variant_lock_drop(section->object, hold);
}

void variant_section_begin(tally_critical *section) { take(section); }

void variant_section_end(tally_critical *section)
{
	drop(section);
	tally_self.section = section->outer;
	tally_sections_resume();
}

void tally_sections_suspend(void)
{
	for (tally_critical *section = tally_self.section; section; section = section->outer) drop(section);
}

void tally_sections_resume(void)
{
	tally_critical *section = tally_self.section;
	if (section && section->hold == TALLY_HOLD_NONE) take(section);
}

// tally/check.h: finding host types that do not tell the truth about their references.
//
// A traverse must visit exactly the references that its payload owns (tally/host.h). One that invents a reference makes
// the collector free what is still in use; one that misses a reference makes a cycle through it live for ever, and so
// does a type without a traverse. The check looks at every object of the heap with the world stopped: it costs time and
// memory in proportion to the heap, and is meant for tests and for hosts in trouble.
#ifndef TALLY_CHECK_H
#define TALLY_CHECK_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tally_check_kind {
	// The type's traverse visits what is no object, or an object that is visited more often than it is counted; every type
	// that visits that object is named.
	TALLY_CHECK_INVENTED,
	// A word of the payload is the address of a live object, the traverse does not visit it, and the object has a reference
	// that nothing else explains.
	TALLY_CHECK_MISSED,
	// Garbage of a type without a traverse, or with TALLY_HOST_UNTRACKED, that is never freed: it is in, or hangs on, a cycle
	// through such types or through missed references.
	TALLY_CHECK_LEAKED,
};

// What the check found of one type.
typedef struct tally_check_finding {
	enum tally_check_kind kind;
	const char *type_name; // valid until the visit returns
	uint64_t count;        // objects of that type of which it is true
} tally_check_finding;

// Calls `visit`, unless it is NULL, for each type and kind of which something was found, after the world goes again; it
// may use the library. What it cannot tell: a reference is found missed or hidden where it stands in the payload
// itself, not in memory that the payload points to; a reference that the host has on a stack or in memory of its own
// may be taken for one that stands in a payload with a borrowed pointer to the same object; and one that is invented
// may go unnoticed as long as such a reference makes up for it. So a finding is certain when the host holds nothing but
// what payloads and containers refer to. Every word of the payloads is read: a thread in a blocking region must not
// write to them meanwhile. The number of findings (0: all is well); -1 with TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD (not
// attached, or in a critical section). Run point.
TALLY_API int tally_check_references(void (*visit)(const tally_check_finding *finding, void *context), void *context);

#ifdef __cplusplus
}
#endif

#endif

// core/intern.h: the table of interned strings: what tally_str_intern (tally/str.h) asks, what the collector and the end of the
// runtime do with it.
#ifndef TALLY_CORE_INTERN_H
#define TALLY_CORE_INTERN_H

// World stopped: lets go of the strings to which nobody else refers, and frees them. Needs no memory.
void tally_intern_purge_stopped(void);

// At the end of the runtime, by its last attached thread: lets go of all.
void tally_intern_fini(void);

#endif

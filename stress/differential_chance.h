// stress/differential_chance.h: what the generator of the differential test leaves to chance.
#ifndef STRESS_DIFFERENTIAL_CHANCE_H
#define STRESS_DIFFERENTIAL_CHANCE_H

#include "differential.h"

void chance_start(uint64_t seed);
uint64_t draw_number(void); // any
size_t draw_below(size_t limit);
bool one_in(size_t n);

int64_t draw_int(void);
double draw_float(void); // every NaN is the same
// Of something that has `size` elements: mostly near its ends.
int64_t draw_index(size_t size);
int64_t draw_bound(size_t size); // of a slice; or LEFT_OUT
int64_t draw_stride(void);       // of a slice; or 0
int64_t draw_count(void);        // below 5; now and then far too many

// Perhaps no UTF-8.
void draw_text(struct short_text *text);
// All its characters, if any beyond ASCII, are of those from which texts are made.
bool is_known_text(const char *bytes, size_t size);

#endif

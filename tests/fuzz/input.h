/* What a fuzz target takes its values from, and what it takes them in. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The input, read from its front; after its end come zeros. */
struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static inline bool has_more(const struct input *input)
{
	return input->at < input->end;
}

static inline void take(struct input *input, void *to, size_t size)
{
	size_t left = (size_t)(input->end - input->at);
	size_t part = size < left ? size : left;

	memset(to, 0, size);
	memcpy(to, input->at, part);
	input->at += part;
}

static inline uint8_t take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, sizeof byte);
	return byte;
}

static inline uint16_t take_two(struct input *input)
{
	uint16_t two;

	take(input, &two, sizeof two);
	return two;
}

/* Any of a double's bits: infinities and no numbers too. */
static inline double take_real(struct input *input)
{
	double real;

	take(input, &real, sizeof real);
	return real;
}

/* A copy in memory of its very size, so that a sanitizer sees a step beyond it. To be freed. */
static inline void *exactly(const void *from, size_t size)
{
	void *copy = malloc(size);

	if (size > 0)
		memcpy(copy, from, size);
	return copy;
}

static inline void must(bool holds)
{
	if (!holds)
		abort();
}

#endif

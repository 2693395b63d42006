/* Any history, with slots and times of any value: what is refused changes nothing, a match is of
 * one who waits and one who is free, and the places in each queue are 1, 2, 3 and so on.
 *
 * Who should have been matched is what hypothesis and the definition in Python judge. */
#include "input.h"
#include "rc.h"

enum { AGENTS = 5, CALLS = 7, NEEDS = 4 };

struct story {
	struct rc_acd *acd;
	struct input *input;
	int64_t now_ms;
	bool is_free[AGENTS]; /* now or from some time on */
	int64_t free_from_ms[AGENTS];
	bool waits[CALLS][NEEDS];
	bool is_offered[CALLS];
};

/* Mostly in the table. */
static uint32_t slot(struct story *story, uint32_t slots)
{
	uint8_t byte = take_byte(story->input);
	uint32_t any;

	if (byte < 250)
		return byte % (slots + 1);
	take(story->input, &any, sizeof any);
	return any;
}

/* Mostly soon. */
static int64_t time_of(struct story *story)
{
	uint8_t byte = take_byte(story->input);
	int64_t any;

	if (byte < 250)
		return story->now_ms + 100 * (byte % 16) - 400;
	take(story->input, &any, sizeof any);
	return any;
}

static const uint8_t *levels(struct story *story)
{
	static uint8_t drawn[RC_ACD_SKILLS];
	uint8_t skills = take_byte(story->input) % 4;

	memset(drawn, 0, sizeof drawn);
	while (skills-- > 0) {
		uint8_t skill = take_byte(story->input), level = take_byte(story->input);

		drawn[skill % 6] = skill < 250 ? level % RC_ACD_LEVELS : level;
	}
	return drawn;
}

static void say_need(struct story *story)
{
	uint32_t need = slot(story, NEEDS), then = slot(story, NEEDS);
	const uint8_t *asked = levels(story);

	(void)rc_acd_need_is(story->acd, need, asked, time_of(story), then);
}

static void say_agent(struct story *story)
{
	uint32_t agent = slot(story, AGENTS);
	int64_t since_ms = time_of(story), from_ms = time_of(story);

	if (rc_acd_agent_free(story->acd, agent, since_ms, from_ms) == RC_OK) {
		story->is_free[agent] = true;
		story->free_from_ms[agent] = from_ms;
	}
	if (take_byte(story->input) % 4 == 0) {
		agent = slot(story, AGENTS);
		if (rc_acd_agent_busy(story->acd, agent) == RC_OK)
			story->is_free[agent] = false;
	}
}

static void say_call(struct story *story)
{
	uint32_t call = slot(story, CALLS), need = slot(story, NEEDS);
	int64_t since_ms = time_of(story), target_ms = time_of(story);

	if (rc_acd_call_waits(story->acd, call, need, since_ms, target_ms) == RC_OK)
		story->waits[call][need] = true;
}

static void let_go(struct story *story)
{
	uint32_t call = slot(story, CALLS);

	if (take_byte(story->input) % 2) {
		if (rc_acd_call_returns(story->acd, call) == RC_OK)
			story->is_offered[call] = false;
	} else if (rc_acd_call_leaves(story->acd, call) == RC_OK) {
		story->is_offered[call] = false;
		memset(story->waits[call], 0, sizeof story->waits[call]);
	}
}

static void pass_time(struct story *story)
{
	int64_t now_ms = time_of(story), due_ms;

	if (rc_acd_time_is(story->acd, now_ms) == RC_OK && now_ms > story->now_ms)
		story->now_ms = now_ms;
	if (rc_acd_next_deadline(story->acd, &due_ms) == RC_OK)
		must(due_ms > story->now_ms);
}

static void match_all(struct story *story)
{
	const struct rc_match *match = rc_acd_taken(story->acd);

	while (rc_acd_take(story->acd) == RC_OK) {
		must(match->call < CALLS && match->agent < AGENTS && match->need < NEEDS);
		must(story->waits[match->call][match->need] && !story->is_offered[match->call]);
		must(story->is_free[match->agent]);
		must(story->free_from_ms[match->agent] <= story->now_ms);
		story->is_offered[match->call] = true;
		story->is_free[match->agent] = false;
	}
}

static void count_places(const struct story *story)
{
	for (uint32_t need = 0; need < NEEDS; need++) {
		uint32_t seen = 0, waiting = 0;

		for (uint32_t call = 0; call < CALLS; call++) {
			uint32_t position = rc_acd_position(story->acd, call, need);

			must((position > 0) == story->waits[call][need]);
			must(position <= CALLS);
			waiting += position > 0;
			seen |= position > 0 ? 1u << (position - 1) : 0;
		}
		must(seen == (1u << waiting) - 1);
	}
}

static void step(struct story *story)
{
	uint32_t agent;

	switch (take_byte(story->input) % 7) {
	case 0:
		say_need(story);
		break;
	case 1:
		agent = slot(story, AGENTS);
		(void)rc_acd_agent_knows(story->acd, agent, levels(story));
		break;
	case 2:
		say_agent(story);
		break;
	case 3:
		say_call(story);
		break;
	case 4:
		let_go(story);
		break;
	case 5:
		pass_time(story);
		break;
	case 6:
		match_all(story);
		break;
	}
	count_places(story);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	struct story story = {.input = &input};
	void *memory = malloc(rc_acd_size(AGENTS, CALLS, NEEDS));

	story.acd = rc_acd_init(memory, AGENTS, CALLS, NEEDS);
	while (has_more(&input))
		step(&story);
	free(memory);
	return 0;
}

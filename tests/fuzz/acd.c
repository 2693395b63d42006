/* Any history of calls, agents, needs and time: the ACD gives the same answers as a definition that
 * looks at everything each time.
 *
 * The bytes are orders and then the seed of more. The tables lie in memory of their very size, so
 * that the sanitizer sees an access beyond it. */
#include "input.h"
#include "rc.h"

enum { AGENTS = 5, CALLS = 5, NEEDS = 66, USED = 6, KINDS = 10, ORDERS = 200 };

/* Needs on both sides of a word's end, and a slot that the table does not have. */
static const uint32_t slots[USED] = {0, 1, 62, 63, 64, 65};
static const uint32_t skills[4] = {0, 1, 31, 63};

struct need_said {
	uint8_t levels[RC_ACD_SKILLS];
	int64_t after_ms;
	uint32_t then;
};

struct agent_said {
	uint8_t knows[RC_ACD_SKILLS];
	bool is_free;
	int64_t since_ms, from_ms;
};

struct place_said {
	bool is_used;
	int64_t deadline_ms, since_ms;
	uint32_t stands; /* by this need now */
};

static struct {
	int64_t now_ms;
	struct need_said need[NEEDS];
	struct agent_said agent[AGENTS];
	struct place_said place[CALLS][NEEDS];
	bool is_offered[CALLS];
} said;

static struct input input;

static uint64_t chance;

/* By the input so far, and after its end by what it came to: every history is a long one. */
static uint32_t any(uint32_t below)
{
	chance = (chance ^ take_byte(&input)) * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(chance >> 33) % below;
}

/* One beyond the table now and then. */
static uint32_t any_need(void)
{
	uint32_t which = any(USED + 1);

	return which == USED ? NEEDS : slots[which];
}

/* One or two skills as a rule, so that agents who can help are common. */
static void some_levels(uint8_t *levels, uint32_t worst)
{
	uint32_t which = any(16), level = any(256);

	memset(levels, 0, RC_ACD_SKILLS);
	for (size_t n = 0; n < 4; n++)
		if (which >> n & 1)
			levels[skills[n]] = (uint8_t)(1 + (level >> 2 * n) % worst);
}

static bool asks(uint32_t need)
{
	for (size_t n = 0; n < RC_ACD_SKILLS; n++)
		if (said.need[need].levels[n] != 0)
			return true;
	return false;
}

static bool is_stood_by(uint32_t need)
{
	for (size_t call = 0; call < CALLS; call++)
		for (size_t n = 0; n < NEEDS; n++)
			if (said.place[call][n].is_used && said.place[call][n].stands == need)
				return true;
	return false;
}

static bool is_led_to(uint32_t need)
{
	for (uint32_t n = 0; n < NEEDS; n++)
		if (n != need && said.need[n].then == need)
			return true;
	return false;
}

static bool is_due(const struct place_said *place)
{
	const struct need_said *need = &said.need[place->stands];

	return need->then != place->stands && place->since_ms + need->after_ms <= said.now_ms;
}

static void relax(void)
{
	for (size_t call = 0; call < CALLS; call++) {
		for (size_t n = 0; n < NEEDS; n++) {
			struct place_said *place = &said.place[call][n];

			while (place->is_used && is_due(place))
				place->stands = said.need[place->stands].then;
		}
	}
}

/* ---- who meets whom ---- */

/* 0: cannot. */
static uint32_t worst_level(const struct agent_said *agent, const struct need_said *need)
{
	uint32_t worst = 0;

	if (!agent->is_free || agent->from_ms > said.now_ms)
		return 0;
	for (size_t n = 0; n < RC_ACD_SKILLS; n++) {
		if (need->levels[n] == 0)
			continue;
		if (agent->knows[n] == 0 || agent->knows[n] > need->levels[n])
			return 0;
		if (agent->knows[n] > worst)
			worst = agent->knows[n];
	}
	return worst;
}

static uint32_t others(const struct agent_said *agent, const struct need_said *need)
{
	uint32_t count = 0;

	for (size_t n = 0; n < RC_ACD_SKILLS; n++)
		count += agent->knows[n] != 0 && need->levels[n] == 0;
	return count;
}

static bool is_better(
	const struct agent_said *one, const struct agent_said *other, const struct need_said *need)
{
	if (worst_level(one, need) != worst_level(other, need))
		return worst_level(one, need) < worst_level(other, need);
	if (others(one, need) != others(other, need))
		return others(one, need) < others(other, need);
	return one->since_ms < other->since_ms;
}

static uint32_t best_agent(const struct need_said *need)
{
	uint32_t best = AGENTS;

	for (uint32_t n = 0; n < AGENTS; n++)
		if (worst_level(&said.agent[n], need) != 0 &&
			(best == AGENTS || is_better(&said.agent[n], &said.agent[best], need)))
			best = n;
	return best;
}

static bool goes_before(const struct place_said *one, const struct place_said *other)
{
	if (one->deadline_ms != other->deadline_ms)
		return one->deadline_ms < other->deadline_ms;
	return one->since_ms < other->since_ms;
}

static bool best_match(struct rc_match *match)
{
	const struct place_said *best = NULL;

	for (uint32_t call = 0; call < CALLS; call++) {
		for (uint32_t n = 0; n < NEEDS; n++) {
			const struct place_said *place = &said.place[call][n];
			uint32_t agent;

			if (!place->is_used || said.is_offered[call])
				continue;
			agent = best_agent(&said.need[place->stands]);
			if (agent == AGENTS || (best != NULL && !goes_before(place, best)))
				continue;
			best = place;
			*match = (struct rc_match){.call = call, .agent = agent, .need = n};
		}
	}
	return best != NULL;
}

/* Both are taken. */
static enum rc_status meet(struct rc_match *match)
{
	relax();
	if (!best_match(match))
		return RC_NONE;
	said.is_offered[match->call] = true;
	said.agent[match->agent].is_free = false;
	return RC_OK;
}

static void must_be_answered(const struct rc_acd *acd, enum rc_status status)
{
	struct rc_match wanted;

	must(status == meet(&wanted));
	if (status != RC_OK)
		return;
	must(rc_acd_taken(acd)->call == wanted.call);
	must(rc_acd_taken(acd)->agent == wanted.agent);
	must(rc_acd_taken(acd)->need == wanted.need);
}

/* ---- orders ---- */

static void say_need(struct rc_acd *acd, uint32_t need)
{
	struct need_said new;
	enum rc_status wanted = RC_OK;
	bool is_empty = true;

	some_levels(new.levels, any(16) == 0 ? RC_ACD_LEVELS + 1 : 3);
	new.after_ms = (int64_t)any(9) - 1;
	new.then = any(2) ? need : any_need();
	for (size_t n = 0; n < RC_ACD_SKILLS; n++) {
		is_empty = is_empty && new.levels[n] == 0;
		if (new.levels[n] > RC_ACD_LEVELS)
			wanted = RC_BAD;
	}
	if (need >= NEEDS || new.then >= NEEDS || new.then < need || new.after_ms < 0)
		wanted = RC_BAD;
	else if (new.then != need && (is_empty || !asks(new.then)))
		wanted = RC_BAD;
	else if (wanted == RC_OK && (is_stood_by(need) || (is_empty && is_led_to(need))))
		wanted = RC_FULL;
	must(rc_acd_need_is(acd, need, new.levels, new.after_ms, new.then) == wanted);
	if (wanted == RC_OK)
		said.need[need] = new;
}

static void say_call(struct rc_acd *acd)
{
	uint32_t call = any(CALLS + 1), need = any_need(), places = 0;
	int64_t since_ms = (int64_t)any(16) - 4, target_ms = (int64_t)any(9) - 1;
	enum rc_status status;

	if (call >= CALLS || need >= NEEDS || target_ms < 0 || !asks(need)) {
		must(rc_acd_call_waits(acd, call, need, since_ms, target_ms) == RC_BAD);
		return;
	}
	for (uint32_t n = 0; n < NEEDS; n++)
		places += n != need && said.place[call][n].is_used;
	status = rc_acd_call_waits(acd, call, need, since_ms, target_ms);
	if (places == RC_ACD_PLACES) {
		must(status == RC_FULL);
		return;
	}
	said.place[call][need] = (struct place_said){true, since_ms + target_ms, since_ms, need};
	must_be_answered(acd, status);
}

static void say_agent(struct rc_acd *acd, uint32_t agent, uint32_t what)
{
	int64_t since_ms = any(16), from_ms = any(16);
	uint8_t levels[RC_ACD_SKILLS];
	enum rc_status status;

	some_levels(levels, 3);
	if (what == 0)
		status = rc_acd_agent_knows(acd, agent, levels);
	else if (what == 1)
		status = rc_acd_agent_free(acd, agent, since_ms, from_ms);
	else
		status = rc_acd_agent_busy(acd, agent);
	if (agent >= AGENTS) {
		must(status == RC_BAD);
		return;
	}
	if (what == 0)
		memcpy(said.agent[agent].knows, levels, sizeof levels);
	else
		said.agent[agent].is_free = what == 1;
	if (what == 1) {
		said.agent[agent].since_ms = since_ms;
		said.agent[agent].from_ms = from_ms;
		must_be_answered(acd, status);
	} else {
		must(status == RC_OK);
	}
}

static void say_offer(struct rc_acd *acd)
{
	uint32_t call = any(CALLS + 1);
	uint32_t what = any(3);
	enum rc_status status;

	if (what == 0)
		status = rc_acd_call_leaves(acd, call);
	else if (what == 1)
		status = rc_acd_call_returns(acd, call);
	else
		status = rc_acd_call_held(acd, call);

	if (call >= CALLS) {
		must(status == RC_BAD);
		return;
	}
	said.is_offered[call] = what == 2;
	if (what == 0)
		memset(said.place[call], 0, sizeof said.place[call]);
	if (what == 1)
		must_be_answered(acd, status);
	else
		must(status == RC_OK);
}

static void pass_time(struct rc_acd *acd)
{
	int64_t now_ms = said.now_ms + any(6) - 1; /* a step back changes nothing */

	if (now_ms > said.now_ms)
		said.now_ms = now_ms;
	must_be_answered(acd, rc_acd_time_is(acd, now_ms));
}

/* ---- what may be asked at any time ---- */

static uint32_t position(uint32_t call, uint32_t need)
{
	const struct place_said *mine = &said.place[call][need];
	uint32_t ahead = 0;

	if (!mine->is_used)
		return 0;
	for (uint32_t n = 0; n < CALLS; n++) {
		const struct place_said *other = &said.place[n][need];

		if (other->is_used &&
			(goes_before(other, mine) || (n < call && !goes_before(mine, other))))
			ahead++;
	}
	return ahead + 1;
}

static int64_t deadline(void)
{
	int64_t first_ms = INT64_MAX;

	for (size_t n = 0; n < AGENTS; n++) {
		const struct agent_said *agent = &said.agent[n];

		if (agent->is_free && agent->from_ms > said.now_ms && agent->from_ms < first_ms)
			first_ms = agent->from_ms;
	}
	for (size_t call = 0; call < CALLS; call++) {
		for (size_t n = 0; n < NEEDS; n++) {
			const struct place_said *place = &said.place[call][n];
			const struct need_said *need = &said.need[place->stands];

			if (place->is_used && need->then != place->stands &&
				place->since_ms + need->after_ms < first_ms)
				first_ms = place->since_ms + need->after_ms;
		}
	}
	return first_ms;
}

static void compare(const struct rc_acd *acd)
{
	int64_t at_ms = INT64_MAX;
	enum rc_status status = rc_acd_next_deadline(acd, &at_ms);

	must(at_ms == deadline());
	must(status == (at_ms == INT64_MAX ? RC_NONE : RC_OK));
	for (uint32_t call = 0; call < CALLS; call++)
		for (uint32_t n = 0; n < USED; n++)
			must(rc_acd_position(acd, call, slots[n]) == position(call, slots[n]));
}

static void obey(struct rc_acd *acd)
{
	uint32_t which;

	switch (any(KINDS)) {
	case 0:
		say_need(acd, any_need());
		break;
	case 1:
	case 2:
		say_call(acd);
		break;
	case 3:
	case 4:
	case 5:
		which = any(AGENTS + 1);
		say_agent(acd, which, any(3));
		break;
	case 6:
	case 7:
		say_offer(acd);
		break;
	default:
		pass_time(acd);
	}
	relax();
	compare(acd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	void *memory = malloc(rc_acd_size(AGENTS, CALLS, NEEDS));
	struct rc_acd *acd = rc_acd_init(memory, AGENTS, CALLS, NEEDS);

	memset(&said, 0, sizeof said);
	for (uint32_t n = 0; n < NEEDS; n++)
		said.need[n].then = n;
	input = (struct input){bytes, bytes + size};
	chance = size;
	for (uint32_t n = USED; n-- > 0;)
		say_need(acd, slots[n]);
	for (uint32_t agent = 0; agent < AGENTS; agent++) {
		say_agent(acd, agent, 0);
		say_agent(acd, agent, 1);
	}
	for (uint32_t n = 0; n < ORDERS || has_more(&input); n++)
		obey(acd);
	free(memory);
	return 0;
}

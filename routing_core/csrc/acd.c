/* The ACD. Everything that can be known before a call comes is worked out when agents and needs
 * are told, so that little is left to decide when a call does.
 *
 *   need ── who waits:   a line of places, by deadline, and a bit in `wanted`
 *        └─ who is free: a bench for each (level, other skills), by idle time, and a bit in
 * `manned`
 *
 * An agent who becomes free takes a seat on one bench of each need it can help; which bench is
 * known. A decision is the earliest first place of the needs in `wanted & manned`, and the first
 * agent on that need's first bench. It asks nobody for skills, however many wait or are free.
 *
 * Benches and lines are lists through the tables, in the order of keys that never change; nothing
 * is ever re-sorted. */
#include <string.h>

#include "rc.h"

enum {
	OTHERS = RC_ACD_SKILLS, /* a need asks for one skill at least: 0 to 63 others */
	BENCHES = RC_ACD_LEVELS * OTHERS,
	WORD = 64,
};

#define NOBODY UINT32_MAX
#define UNABLE UINT32_MAX
#define NEVER_MS INT64_MAX
#define TIME_MAX_MS ((int64_t)1 << 61) /* the sum of two is a time too */

struct key {
	int64_t first, second;
	uint64_t last; /* no two are alike */
};

struct link {
	uint32_t next, prev;
};

struct list {
	uint32_t first, last; /* NOBODY, both, when empty */
};

/* What a list is made of: a link for each item, and a key for each of so many owners; item n is of
 * owner n % owners. */
struct items {
	unsigned char *links, *keys;
	size_t link_bytes, key_bytes;
	uint32_t owners;
};

struct need {
	uint64_t skills;
	uint8_t levels[RC_ACD_SKILLS];
	int64_t after_ms;
	uint32_t then;
	uint32_t users;    /* places that stand by it now */
	struct list queue; /* places that came by it, in rank: for their position */
	uint32_t queued;
	struct list takeable;   /* places by it now, but those of calls being offered */
	uint16_t manned_levels; /* a bit for each level with agents on its benches */
	uint64_t manned_others[RC_ACD_LEVELS];
	struct list benches[BENCHES];
};

struct agent {
	struct key free; /* from */
	struct link rest;
	struct key idle; /* since */
	uint32_t seats;
	uint8_t skills; /* how many */
	bool is_seated, is_resting;
};

/* Where an agent sits while free, one for each need that it can help. Everybody's first seats come
 * first, then everybody's second: as few pages as can be, for an agent who becomes free is in no
 * cache when there are many. */
struct seat {
	struct link link;
	uint32_t need, bench;
};

struct place {
	struct key rank, relaxes; /* place by place, and when */
	struct link queued, takeable, relaxing;
	uint32_t came_by; /* a need; NOBODY: the place is not used */
	uint32_t need;    /* as it has relaxed */
	bool is_relaxing; /* has another need to come */
};

struct rc_acd {
	int64_t now_ms;
	struct rc_match taken;
	uint32_t agents, calls, needs, words;
	struct list resting, relaxing;
	uint64_t *wanted, *manned; /* bits of needs */
	struct need *need;
	struct agent *agent;
	struct seat *seat;   /* need × agents */
	uint8_t *knows;      /* agent × skills: levels */
	struct place *place; /* call × RC_ACD_PLACES */
	bool *is_offered;    /* of each call */
};

/* ---- lists ---- */

static bool goes_before(const struct key *a, const struct key *b)
{
	if (a->first != b->first)
		return a->first < b->first;
	if (a->second != b->second)
		return a->second < b->second;
	return a->last < b->last;
}

static struct link *link_of(struct items of, uint32_t item)
{
	return (void *)(of.links + item * of.link_bytes);
}

static const struct key *key_of(struct items of, uint32_t item)
{
	return (const void *)(of.keys + item % of.owners * of.key_bytes);
}

static void clear(struct list *list)
{
	*list = (struct list){NOBODY, NOBODY};
}

static bool is_empty(const struct list *list)
{
	return list->first == NOBODY;
}

static void put_after(struct items of, struct list *list, uint32_t after, uint32_t item)
{
	uint32_t next = after == NOBODY ? list->first : link_of(of, after)->next;

	*link_of(of, item) = (struct link){.next = next, .prev = after};
	*(after == NOBODY ? &list->first : &link_of(of, after)->next) = item;
	*(next == NOBODY ? &list->last : &link_of(of, next)->prev) = item;
}

/* A newcomer belongs at the back and who returns near the front, so both ends are tried in turn: at
 * worst half the list is passed. */
static void put_in(struct items of, struct list *list, uint32_t item)
{
	const struct key *key = key_of(of, item);
	uint32_t after = list->last, before = list->first;

	while (after != NOBODY && goes_before(key, key_of(of, after))) {
		after = link_of(of, after)->prev;
		if (goes_before(key, key_of(of, before))) {
			after = link_of(of, before)->prev;
			break;
		}
		before = link_of(of, before)->next;
	}
	put_after(of, list, after, item);
}

static void take_out(struct items of, struct list *list, uint32_t item)
{
	struct link link = *link_of(of, item);

	*(link.prev == NOBODY ? &list->first : &link_of(of, link.prev)->next) = link.next;
	*(link.next == NOBODY ? &list->last : &link_of(of, link.next)->prev) = link.prev;
}

static uint32_t sitter(const struct rc_acd *acd, uint32_t seat)
{
	return seat % acd->agents;
}

static struct items seated(const struct rc_acd *acd)
{
	return (struct items){
		.links = (unsigned char *)acd->seat + offsetof(struct seat, link),
		.keys = (unsigned char *)acd->agent + offsetof(struct agent, idle),
		.link_bytes = sizeof(struct seat),
		.key_bytes = sizeof(struct agent),
		.owners = acd->agents,
	};
}

static struct items resting(const struct rc_acd *acd)
{
	return (struct items){
		.links = (unsigned char *)acd->agent + offsetof(struct agent, rest),
		.keys = (unsigned char *)acd->agent + offsetof(struct agent, free),
		.link_bytes = sizeof(struct agent),
		.key_bytes = sizeof(struct agent),
		.owners = acd->agents,
	};
}

static struct items places(const struct rc_acd *acd, size_t link_at, size_t key_at)
{
	return (struct items){
		.links = (unsigned char *)acd->place + link_at,
		.keys = (unsigned char *)acd->place + key_at,
		.link_bytes = sizeof(struct place),
		.key_bytes = sizeof(struct place),
		.owners = acd->calls * RC_ACD_PLACES,
	};
}

static struct items queued(const struct rc_acd *acd)
{
	return places(acd, offsetof(struct place, queued), offsetof(struct place, rank));
}

static struct items takeable(const struct rc_acd *acd)
{
	return places(acd, offsetof(struct place, takeable), offsetof(struct place, rank));
}

static struct items relaxing(const struct rc_acd *acd)
{
	return places(acd, offsetof(struct place, relaxing), offsetof(struct place, relaxes));
}

/* ---- bits ---- */

static uint32_t lowest(uint64_t bits)
{
	return (uint32_t)__builtin_ctzll(bits);
}

static void set_bit(uint64_t *words, uint32_t at)
{
	words[at / WORD] |= 1ull << at % WORD;
}

static void clear_bit(uint64_t *words, uint32_t at)
{
	words[at / WORD] &= ~(1ull << at % WORD);
}

/* ---- who can help ---- */

static uint32_t count(uint64_t skills)
{
	return (uint32_t)__builtin_popcountll(skills);
}

static uint64_t skills_in(const uint8_t *levels)
{
	uint64_t skills = 0;

	for (uint32_t skill = 0; skill < RC_ACD_SKILLS; skill++)
		skills |= (uint64_t)(levels[skill] != 0) << skill;
	return skills;
}

static bool are_levels(const uint8_t *levels)
{
	for (uint32_t skill = 0; skill < RC_ACD_SKILLS; skill++)
		if (levels[skill] > RC_ACD_LEVELS)
			return false;
	return true;
}

static uint32_t bench_for(const struct rc_acd *acd, uint32_t agent, const struct need *need)
{
	const uint8_t *knows = &acd->knows[agent * (size_t)RC_ACD_SKILLS];
	uint32_t worst = 0;

	for (uint64_t left = need->skills; left != 0; left &= left - 1) {
		uint8_t level = knows[lowest(left)];

		if (level == 0 || level > need->levels[lowest(left)])
			return UNABLE;
		if (level > worst)
			worst = level;
	}
	if (worst == 0)
		return UNABLE; /* the need asks for nothing */
	return (worst - 1) * OTHERS + acd->agent[agent].skills - count(need->skills);
}

/* ---- agents ---- */

static uint32_t seats_end(const struct rc_acd *acd, uint32_t agent)
{
	return agent + acd->agent[agent].seats * acd->agents;
}

static void sit_down(struct rc_acd *acd, uint32_t seat)
{
	uint32_t at = acd->seat[seat].need, bench = acd->seat[seat].bench;
	struct need *need = &acd->need[at];

	put_in(seated(acd), &need->benches[bench], seat);
	need->manned_others[bench / OTHERS] |= 1ull << bench % OTHERS;
	need->manned_levels |= (uint16_t)(1u << bench / OTHERS);
	set_bit(acd->manned, at);
}

static void get_up(struct rc_acd *acd, uint32_t seat)
{
	uint32_t at = acd->seat[seat].need, bench = acd->seat[seat].bench;
	struct need *need = &acd->need[at];

	take_out(seated(acd), &need->benches[bench], seat);
	if (!is_empty(&need->benches[bench]))
		return;
	need->manned_others[bench / OTHERS] &= ~(1ull << bench % OTHERS);
	if (need->manned_others[bench / OTHERS] != 0)
		return;
	need->manned_levels &= (uint16_t)~(1u << bench / OTHERS);
	if (need->manned_levels == 0)
		clear_bit(acd->manned, at);
}

static void seat(struct rc_acd *acd, uint32_t agent)
{
	acd->agent[agent].is_seated = true;
	for (uint32_t seat = agent; seat < seats_end(acd, agent); seat += acd->agents)
		sit_down(acd, seat);
}

static void call_away(struct rc_acd *acd, uint32_t at)
{
	struct agent *agent = &acd->agent[at];

	if (agent->is_seated)
		for (uint32_t seat = at; seat < seats_end(acd, at); seat += acd->agents)
			get_up(acd, seat);
	if (agent->is_resting)
		take_out(resting(acd), &acd->resting, at);
	agent->is_seated = agent->is_resting = false;
}

/* What it can help, anew. */
static void learn(struct rc_acd *acd, uint32_t at)
{
	struct agent *agent = &acd->agent[at];
	bool is_seated = agent->is_seated;

	if (is_seated)
		call_away(acd, at);
	agent->seats = 0;
	for (uint32_t need = 0; need < acd->needs; need++) {
		uint32_t bench = bench_for(acd, at, &acd->need[need]);

		if (bench != UNABLE)
			acd->seat[at + agent->seats++ * acd->agents] =
				(struct seat){.need = need, .bench = bench};
	}
	if (is_seated)
		seat(acd, at);
}

static bool has_seat(const struct rc_acd *acd, uint32_t agent, uint32_t need)
{
	for (uint32_t seat = agent; seat < seats_end(acd, agent); seat += acd->agents)
		if (acd->seat[seat].need == need)
			return true;
	return false;
}

/* ---- places ---- */

static uint32_t call_at(uint32_t place)
{
	return place / RC_ACD_PLACES;
}

static uint32_t first_place(uint32_t call)
{
	return call * RC_ACD_PLACES;
}

static void line_up(struct rc_acd *acd, uint32_t place)
{
	uint32_t at = acd->place[place].need;

	put_in(takeable(acd), &acd->need[at].takeable, place);
	set_bit(acd->wanted, at);
}

static void step_out(struct rc_acd *acd, uint32_t place)
{
	uint32_t at = acd->place[place].need;

	take_out(takeable(acd), &acd->need[at].takeable, place);
	if (is_empty(&acd->need[at].takeable))
		clear_bit(acd->wanted, at);
}

/* By the need that its time has come to. */
static void stand_by(struct rc_acd *acd, uint32_t place, uint32_t at)
{
	int64_t since_ms = acd->place[place].rank.second;
	const struct need *need = &acd->need[at];

	while (need->then != at && since_ms + need->after_ms <= acd->now_ms) {
		at = need->then;
		need = &acd->need[at];
	}
	acd->place[place].need = at;
	acd->need[at].users++;
	if (!acd->is_offered[call_at(place)])
		line_up(acd, place);
	acd->place[place].is_relaxing = need->then != at;
	if (need->then != at) {
		acd->place[place].relaxes = (struct key){since_ms + need->after_ms, 0, place};
		put_in(relaxing(acd), &acd->relaxing, place);
	}
}

static void stand_back(struct rc_acd *acd, uint32_t place)
{
	acd->need[acd->place[place].need].users--;
	if (!acd->is_offered[call_at(place)])
		step_out(acd, place);
	if (acd->place[place].is_relaxing)
		take_out(relaxing(acd), &acd->relaxing, place);
}

static void leave(struct rc_acd *acd, uint32_t place)
{
	struct need *came_by = &acd->need[acd->place[place].came_by];

	stand_back(acd, place);
	take_out(queued(acd), &came_by->queue, place);
	came_by->queued--;
	acd->place[place].came_by = NOBODY;
}

static bool is_used(const struct rc_acd *acd, uint32_t place)
{
	return acd->place[place].came_by != NOBODY;
}

/* The call's place by this need (NOBODY looks for one not used), or NOBODY. */
static uint32_t find(const struct rc_acd *acd, uint32_t call, uint32_t need)
{
	for (uint32_t n = 0; n < RC_ACD_PLACES; n++)
		if (acd->place[first_place(call) + n].came_by == need)
			return first_place(call) + n;
	return NOBODY;
}

/* ---- the decision ---- */

static uint32_t most_pressing(const struct rc_acd *acd)
{
	uint32_t best = NOBODY;

	for (uint32_t word = 0; word < acd->words; word++) {
		for (uint64_t left = acd->wanted[word] & acd->manned[word]; left != 0;
			left &= left - 1) {
			uint32_t place = acd->need[word * WORD + lowest(left)].takeable.first;

			if (best == NOBODY ||
				goes_before(&acd->place[place].rank, &acd->place[best].rank))
				best = place;
		}
	}
	return best;
}

/* Out of everybody's reach while it is offered to one. */
static void set_offered(struct rc_acd *acd, uint32_t call, bool is_offered)
{
	if (acd->is_offered[call] == is_offered)
		return;
	acd->is_offered[call] = is_offered;
	for (uint32_t place = first_place(call); place < first_place(call + 1); place++) {
		if (!is_used(acd, place))
			continue;
		if (is_offered)
			step_out(acd, place);
		else
			line_up(acd, place);
	}
}

static uint32_t who_helps(const struct rc_acd *acd, const struct need *need)
{
	uint32_t level = lowest(need->manned_levels);
	uint32_t others = lowest(need->manned_others[level]);

	return sitter(acd, need->benches[level * OTHERS + others].first);
}

/* Who meet, if anybody does: both are taken. */
static enum rc_status answer(struct rc_acd *acd)
{
	uint32_t place = most_pressing(acd);

	if (place == NOBODY)
		return RC_NONE;
	acd->taken = (struct rc_match){
		.call = call_at(place),
		.agent = who_helps(acd, &acd->need[acd->place[place].need]),
		.need = acd->place[place].came_by,
	};
	set_offered(acd, acd->taken.call, true);
	call_away(acd, acd->taken.agent);
	return RC_OK;
}

/* ---- the tables ---- */

static void *table(unsigned char *memory, size_t *used, size_t count_of, size_t size)
{
	void *at = memory == NULL ? NULL : memory + *used;

	*used += (count_of * size + 7) / 8 * 8;
	return at;
}

/* Without memory it only counts. */
static size_t lay_out(struct rc_acd *acd, unsigned char *memory)
{
	size_t places = (size_t)acd->calls * RC_ACD_PLACES, used = sizeof *acd;

	acd->wanted = table(memory, &used, acd->words, sizeof *acd->wanted);
	acd->manned = table(memory, &used, acd->words, sizeof *acd->manned);
	acd->need = table(memory, &used, acd->needs, sizeof *acd->need);
	acd->agent = table(memory, &used, acd->agents, sizeof *acd->agent);
	acd->seat = table(memory, &used, (size_t)acd->needs * acd->agents, sizeof *acd->seat);
	acd->knows = table(memory, &used, acd->agents, RC_ACD_SKILLS);
	acd->place = table(memory, &used, places, sizeof *acd->place);
	acd->is_offered = table(memory, &used, acd->calls, sizeof *acd->is_offered);
	return used;
}

static struct rc_acd sized(uint32_t agents, uint32_t calls, uint32_t needs)
{
	struct rc_acd acd = {.agents = agents, .calls = calls, .needs = needs};

	acd.words = (needs + WORD - 1) / WORD;
	return acd;
}

static bool is_count(uint32_t slots)
{
	return slots >= 1 && slots <= RC_ACD_MOST;
}

size_t rc_acd_size(uint32_t agents, uint32_t calls, uint32_t needs)
{
	if (!is_count(agents) || !is_count(calls) || !is_count(needs))
		return 0;

	struct rc_acd acd = sized(agents, calls, needs);

	/* Seats are numbered by 32 bits, and so is the end of anybody's. */
	return ((uint64_t)needs + 1) * agents < NOBODY ? lay_out(&acd, NULL) : 0;
}

struct rc_acd *rc_acd_init(void *memory, uint32_t agents, uint32_t calls, uint32_t needs)
{
	struct rc_acd *acd = memory;

	memset(memory, 0, rc_acd_size(agents, calls, needs));
	*acd = sized(agents, calls, needs);
	lay_out(acd, memory);
	clear(&acd->resting);
	clear(&acd->relaxing);
	for (uint32_t n = 0; n < needs; n++) {
		struct need *need = &acd->need[n];

		need->then = n;
		clear(&need->queue);
		clear(&need->takeable);
		for (uint32_t bench = 0; bench < BENCHES; bench++)
			clear(&need->benches[bench]);
	}
	for (uint32_t place = 0; place < calls * RC_ACD_PLACES; place++)
		acd->place[place].came_by = NOBODY;
	return acd;
}

/* ---- what is told ---- */

static bool is_time(int64_t ms)
{
	return ms >= -TIME_MAX_MS && ms <= TIME_MAX_MS;
}

static bool is_span(int64_t ms)
{
	return ms >= 0 && ms <= TIME_MAX_MS;
}

static bool leads_here(const struct rc_acd *acd, uint32_t at)
{
	for (uint32_t need = 0; need < at; need++)
		if (acd->need[need].then == at)
			return true;
	return false;
}

enum rc_status rc_acd_need_is(
	struct rc_acd *acd, uint32_t at, const uint8_t *levels, int64_t after_ms, uint32_t then)
{
	if (at >= acd->needs || then >= acd->needs || then < at)
		return RC_BAD;
	if (!are_levels(levels) || !is_span(after_ms))
		return RC_BAD;

	struct need *need = &acd->need[at];
	uint64_t skills = skills_in(levels);

	if (then != at && (skills == 0 || acd->need[then].skills == 0))
		return RC_BAD;
	if (need->users > 0 || (skills == 0 && leads_here(acd, at)))
		return RC_FULL;
	memcpy(need->levels, levels, RC_ACD_SKILLS);
	need->skills = skills;
	need->after_ms = after_ms;
	need->then = then;
	for (uint32_t agent = 0; agent < acd->agents; agent++)
		if (has_seat(acd, agent, at) || bench_for(acd, agent, need) != UNABLE)
			learn(acd, agent);
	return RC_OK;
}

enum rc_status rc_acd_agent_knows(struct rc_acd *acd, uint32_t at, const uint8_t *levels)
{
	if (at >= acd->agents || !are_levels(levels))
		return RC_BAD;

	memcpy(&acd->knows[at * (size_t)RC_ACD_SKILLS], levels, RC_ACD_SKILLS);
	acd->agent[at].skills = (uint8_t)count(skills_in(levels));
	learn(acd, at);
	return RC_OK;
}

enum rc_status rc_acd_agent_free(struct rc_acd *acd, uint32_t at, int64_t since_ms, int64_t from_ms)
{
	if (at >= acd->agents || !is_time(since_ms) || !is_time(from_ms))
		return RC_BAD;

	struct agent *agent = &acd->agent[at];

	call_away(acd, at);
	agent->idle = (struct key){since_ms, 0, at};
	if (from_ms <= acd->now_ms) {
		seat(acd, at);
	} else {
		agent->is_resting = true;
		agent->free = (struct key){from_ms, 0, at};
		put_in(resting(acd), &acd->resting, at);
	}
	return answer(acd);
}

enum rc_status rc_acd_agent_busy(struct rc_acd *acd, uint32_t agent)
{
	if (agent >= acd->agents)
		return RC_BAD;
	call_away(acd, agent);
	return RC_OK;
}

enum rc_status rc_acd_call_waits(
	struct rc_acd *acd, uint32_t call, uint32_t need, int64_t since_ms, int64_t target_ms)
{
	if (call >= acd->calls || need >= acd->needs || acd->need[need].skills == 0)
		return RC_BAD;
	if (!is_time(since_ms) || !is_span(target_ms))
		return RC_BAD;

	uint32_t place = find(acd, call, need);

	if (place != NOBODY)
		leave(acd, place);
	else
		place = find(acd, call, NOBODY);
	if (place == NOBODY)
		return RC_FULL;
	acd->place[place].rank =
		(struct key){since_ms + target_ms, since_ms, (uint64_t)call << 32 | need};
	acd->place[place].came_by = need;
	put_in(queued(acd), &acd->need[need].queue, place);
	acd->need[need].queued++;
	stand_by(acd, place, need);
	return answer(acd);
}

enum rc_status rc_acd_call_held(struct rc_acd *acd, uint32_t call)
{
	if (call >= acd->calls)
		return RC_BAD;
	set_offered(acd, call, true);
	return RC_OK;
}

enum rc_status rc_acd_call_returns(struct rc_acd *acd, uint32_t call)
{
	if (call >= acd->calls)
		return RC_BAD;
	set_offered(acd, call, false);
	return answer(acd);
}

enum rc_status rc_acd_call_leaves(struct rc_acd *acd, uint32_t call)
{
	if (call >= acd->calls)
		return RC_BAD;
	for (uint32_t place = first_place(call); place < first_place(call + 1); place++)
		if (is_used(acd, place))
			leave(acd, place);
	acd->is_offered[call] = false;
	return RC_OK;
}

/* ---- time ---- */

static int64_t rest_over_ms(const struct rc_acd *acd)
{
	return is_empty(&acd->resting) ? NEVER_MS : acd->agent[acd->resting.first].free.first;
}

static int64_t relaxes_ms(const struct rc_acd *acd)
{
	return is_empty(&acd->relaxing) ? NEVER_MS : acd->place[acd->relaxing.first].relaxes.first;
}

enum rc_status rc_acd_time_is(struct rc_acd *acd, int64_t now_ms)
{
	if (!is_time(now_ms))
		return RC_BAD;
	if (now_ms > acd->now_ms)
		acd->now_ms = now_ms;
	while (rest_over_ms(acd) <= acd->now_ms) {
		uint32_t agent = acd->resting.first;

		call_away(acd, agent);
		seat(acd, agent);
	}
	while (relaxes_ms(acd) <= acd->now_ms) {
		uint32_t place = acd->relaxing.first;

		stand_back(acd, place);
		stand_by(acd, place, acd->place[place].need);
	}
	return answer(acd);
}

enum rc_status rc_acd_next_deadline(const struct rc_acd *acd, int64_t *at_ms)
{
	int64_t rest_ms = rest_over_ms(acd), relax_ms = relaxes_ms(acd);
	int64_t first_ms = rest_ms < relax_ms ? rest_ms : relax_ms;

	if (first_ms == NEVER_MS)
		return RC_NONE;
	*at_ms = first_ms;
	return RC_OK;
}

const struct rc_match *rc_acd_taken(const struct rc_acd *acd)
{
	return &acd->taken;
}

/* From both ends at once: at worst half the queue is passed. */
uint32_t rc_acd_position(const struct rc_acd *acd, uint32_t call, uint32_t need)
{
	if (call >= acd->calls || need >= acd->needs)
		return 0;

	uint32_t place = find(acd, call, need), steps = 1;

	if (place == NOBODY)
		return 0;

	uint32_t ahead = acd->place[place].queued.prev, behind = acd->place[place].queued.next;

	while (ahead != NOBODY && behind != NOBODY) {
		ahead = acd->place[ahead].queued.prev;
		behind = acd->place[behind].queued.next;
		steps++;
	}
	return ahead == NOBODY ? steps : acd->need[need].queued + 1 - steps;
}

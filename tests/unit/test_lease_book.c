// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a hook is told of leases, as conversations: what comes to be so, and
 * what is told then.  A line is
 *
 *	A 10 100	lease of client A: address .10 until 100
 *	A - WHY		it has ended
 *	A known 10 100	it is to be told again
 *	A had 10 100	it was told before
 *	begin, end	what is noted between is all that there is
 *	tell		tell what waits, each as "EVENT A .10 until 100"
 *	tell1		only one
 *	passed		how many changes were passed over
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease_book.h"
#include "lease_call.h"

#define NET 7

struct book_row {
	const char *name;
	const char *lines;	/* with blanks and semicolons between */
	const char *told;	/* the same way */
};

static const struct book_row rows[] = {
	{ "a new lease is added", "A 10 100; tell", "add A .10 until 100" },
	{ "it is told once", "A 10 100; tell; A 10 100; tell", "add A .10 until 100" },
	{ "a longer one is renewed", "A 10 100; tell; A 10 200; tell",
	  "add A .10 until 100; renew A .10 until 200" },
	{ "one that ends says why", "A 10 100; tell; A - release; tell",
	  "add A .10 until 100; release A .10 until 100" },
	{ "and once", "A 10 100; tell; A - decline; A - expire; tell",
	  "add A .10 until 100; decline A .10 until 100" },
	{ "what was not told does not end", "A 10 100; A - release; tell; passed", "passed 1" },
	{ "renewals that wait are one", "A 10 100; A 10 200; A 10 300; tell; passed",
	  "add A .10 until 300; passed 2" },
	{ "what ends and comes back while it waits is renewed",
	  "A 10 100; tell; A - release; A 10 200; tell; passed",
	  "add A .10 until 100; renew A .10 until 200; passed 1" },
	{ "another address: the end first, with its reason, then the new one",
	  "A 10 100; tell; A - release; A 11 200; tell",
	  "add A .10 until 100; release A .10 until 100; add A .11 until 200" },
	{ "the same without a reason", "A 10 100; tell; A 11 200; tell",
	  "add A .10 until 100; remove A .10 until 100; add A .11 until 200" },
	{ "it ends between the two", "A 10 100; tell; A 11 200; tell1; A - expire; tell",
	  "add A .10 until 100; remove A .10 until 100" },
	{ "first come, first told", "B 11 100; A 10 100; C 12 100; A 10 200; tell",
	  "add B .11 until 100; add A .10 until 200; add C .12 until 100" },
	{ "who changes all the time waits behind the others",
	  "A 10 100; B 11 100; tell1; A 10 200; A 10 300; tell",
	  "add A .10 until 100; add B .11 until 100; renew A .10 until 300" },
	{ "who was not seen has ended", "A 10 100; B 11 100; tell; begin; A 10 100; end; tell",
	  "add A .10 until 100; add B .11 until 100; remove B .11 until 100" },
	{ "but its reason is kept", "A 10 100; tell; A - release; begin; end; tell",
	  "add A .10 until 100; release A .10 until 100" },
	{ "what a daemon before us told is known", "A had 10 100; B had 11 100; begin; A known 10 100; end; tell",
	  "known A .10 until 100; remove B .11 until 100" },
	{ "or has ended since", "A had 10 100; A - expire; begin; end; tell", "expire A .10 until 100" },
	{ "what is known is told anew though it was told", "A 10 100; tell; A known 10 100; tell",
	  "add A .10 until 100; known A .10 until 100" },
	{ "known, but as another", "A had 10 100; A known 11 200; tell",
	  "remove A .10 until 100; known A .11 until 200" },
	{ "a network that is forgotten is told nothing of", "A 10 100; B 11 100; forget; tell; A 10 100; tell",
	  "add A .10 until 100" },
	{ "the end of what nobody knows is nothing", "A - expire; tell; passed", "passed 0" },
};

struct telling {
	struct lease_book *book;
	char told[1024];
};

static struct cv_lease_key key_of(char client)
{
	return (struct cv_lease_key) { .net = NET, .mac = { 2, 0, 0, 0, 0, (__u8)client } };
}

static void add(struct telling *t, const char *text)
{
	size_t len = strlen(t->told);

	snprintf(t->told + len, sizeof(t->told) - len, "%s%s", len ? "; " : "", text);
}

static bool tell(struct telling *t)
{
	struct lease_news news;
	char line[80];

	if (!lease_book_next(t->book, NET, &news))
		return false;
	assert_int_equal(news.key.net, NET);
	snprintf(line, sizeof(line), "%s %c .%u until %llu", lease_event_word(news.event), news.key.mac[5],
		 ntohl(news.fact.ip) & 255, (unsigned long long)news.fact.expiry_ns);
	add(t, line);
	return true;
}

static enum lease_event event_of(const char *word)
{
	for (int e = 1; e < LEASE_N_EVENTS; e++)
		if (!strcmp(word, lease_event_word(e)))
			return e;
	fail_msg("no event '%s'", word);
	return 0;
}

static void note(struct telling *t, const char *line)
{
	struct lease_fact fact = { .ip = 0 };
	struct cv_lease_key key = key_of(line[0]);
	unsigned int host, until;
	char word[16];

	if (sscanf(line, "%*c - %15s", word) == 1) {
		assert_int_equal(lease_book_note(t->book, &key, NULL, event_of(word)), 0);
		return;
	}
	if (sscanf(line, "%*c %u %u", &host, &until) != 2 &&
	    sscanf(line, "%*c %15s %u %u", word, &host, &until) != 3)
		fail_msg("'%s'?", line);
	fact.ip = htonl(0x0a140000 + host);
	fact.expiry_ns = until;
	if (strstr(line, "had"))
		assert_int_equal(lease_book_suppose(t->book, &key, &fact), 0);
	else
		assert_int_equal(lease_book_note(t->book, &key, &fact, strstr(line, "known") ?
						 LEASE_KNOWN : LEASE_NO_EVENT), 0);
}

static void do_line(struct telling *t, const char *line)
{
	char text[32];

	if (!strcmp(line, "begin"))
		lease_book_begin(t->book, NET);
	else if (!strcmp(line, "end"))
		lease_book_end(t->book, NET);
	else if (!strcmp(line, "forget"))
		lease_book_forget(t->book, NET);
	else if (!strcmp(line, "tell1"))
		tell(t);
	else if (!strcmp(line, "tell"))
		while (tell(t))
			;
	else if (!strcmp(line, "passed"))
		snprintf(text, sizeof(text), "passed %llu",
			 (unsigned long long)lease_book_passed(t->book, NET)), add(t, text);
	else
		note(t, line);
}

static void book_tells(void **state)
{
	const struct book_row *row = *state;
	struct telling t = { .book = lease_book_new() };
	char lines[512], *line, *rest;

	assert_non_null(t.book);
	snprintf(lines, sizeof(lines), "%s", row->lines);
	for (line = strtok_r(lines, ";", &rest); line; line = strtok_r(NULL, ";", &rest))
		do_line(&t, line + strspn(line, " "));
	assert_string_equal(t.told, row->told);
	lease_book_free(t.book);
}

/* More of them than there can be leases: the rest is passed over and counted; what is told makes room. */
static void book_is_bounded(void **state)
{
	struct lease_book *b = lease_book_new();
	struct lease_fact fact = { .ip = htonl(0x0a140002), .expiry_ns = 1 };
	struct cv_lease_key key = { .net = NET };
	struct lease_news news;

	for (__u32 i = 0; i < LEASE_BOOK_MAX + 5; i++) {
		memcpy(key.mac, &i, sizeof(i));
		assert_int_equal(lease_book_note(b, &key, &fact, LEASE_NO_EVENT),
				 i < LEASE_BOOK_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(lease_book_passed(b, NET), 5);
	assert_int_equal(lease_book_waiting(b, NET), LEASE_BOOK_MAX);
	assert_true(lease_book_next(b, NET, &news));
	assert_int_equal(lease_book_waiting(b, NET), LEASE_BOOK_MAX - 1);
	assert_int_equal(lease_book_note(b, &news.key, NULL, LEASE_RELEASE), 0);
	while (lease_book_next(b, NET, &news))
		;
	assert_int_equal(lease_book_note(b, &key, &fact, LEASE_NO_EVENT), 0);
	lease_book_free(b);
}

static void networks_are_told_apart(void **state)
{
	struct lease_book *b = lease_book_new();
	struct lease_fact fact = { .ip = htonl(0x0a140002), .expiry_ns = 1 };
	struct cv_lease_key key = key_of('A'), other = key;
	struct lease_news news;

	other.net = NET + 1;
	assert_int_equal(lease_book_note(b, &key, &fact, LEASE_NO_EVENT), 0);
	assert_false(lease_book_next(b, NET + 1, &news));
	assert_int_equal(lease_book_note(b, &other, &fact, LEASE_NO_EVENT), 0);
	lease_book_forget(b, NET);
	assert_false(lease_book_next(b, NET, &news));
	assert_true(lease_book_next(b, NET + 1, &news));
	assert_int_equal(news.key.net, NET + 1);
	lease_book_free(b);
}

/* --- the call */

static const char *env_of(const struct lease_call *c, const char *name)
{
	size_t len = strlen(name);

	for (unsigned int i = 0; c->envp[i]; i++)
		if (!strncmp(c->envp[i], name, len) && c->envp[i][len] == '=')
			return c->envp[i] + len + 1;
	fail_msg("no %s", name);
	return NULL;
}

static void call_has_all_words(void **state)
{
	struct lease_news news = {
		.key = key_of('A'), .event = LEASE_RENEW,
		.fact = { .ip = htonl(0x0a14000a), .expiry_ns = 700000000000ULL, .guest = "web",
			  .hostname = "db", .client_id_len = 3, .client_id = { 1, 0, 255 } },
	};
	static struct lease_call c;

	setenv("CULVERT_RUN", "/run/x", 1);
	setenv("SECRET", "1", 1);
	lease_call_make(&c, "/bin/hook", "net", "nobody", &news, 100000000000ULL, 5000);
	assert_string_equal(c.argv[0], "/bin/hook");
	assert_string_equal(c.argv[1], "renew");
	assert_string_equal(c.argv[2], "02:00:00:00:00:41");
	assert_string_equal(c.argv[3], "10.20.0.10");
	assert_string_equal(c.argv[4], "db");
	assert_null(c.argv[5]);
	assert_string_equal(env_of(&c, "CULVERT_EVENT"), "renew");
	assert_string_equal(env_of(&c, "CULVERT_NETWORK"), "net");
	assert_string_equal(env_of(&c, "CULVERT_GUEST"), "web");
	assert_string_equal(env_of(&c, "CULVERT_CLIENT_ID"), "01:00:ff");
	assert_string_equal(env_of(&c, "CULVERT_EXPIRES"), "5600");
	assert_string_equal(env_of(&c, "CULVERT_REMAINING"), "600");
	assert_string_equal(env_of(&c, "CULVERT_RUN"), "/run/x");
	for (unsigned int i = 0; c.envp[i]; i++)
		assert_null(strstr(c.envp[i], "SECRET"));

	news.fact.expiry_ns = ~0ULL;
	news.fact.hostname[0] = '\0';
	lease_call_make(&c, "/bin/hook", "net", "nobody", &news, 100000000000ULL, 5000);
	assert_null(c.argv[4]);
	assert_string_equal(env_of(&c, "CULVERT_EXPIRES"), "");
	news.fact.expiry_ns = 40000000000ULL;
	lease_call_make(&c, "/bin/hook", "net", "nobody", &news, 100000000000ULL, 5000);
	assert_string_equal(env_of(&c, "CULVERT_EXPIRES"), "4940");
	assert_string_equal(env_of(&c, "CULVERT_REMAINING"), "0");
	unsetenv("CULVERT_RUN");
}

int main(void)
{
	struct CMUnitTest tests[64], *end = tests;

	end = UNIT_ROWS(end, rows, book_tells);
	*end++ = (struct CMUnitTest) cmocka_unit_test(book_is_bounded);
	*end++ = (struct CMUnitTest) cmocka_unit_test(networks_are_told_apart);
	*end++ = (struct CMUnitTest) cmocka_unit_test(call_has_all_words);
	return UNIT_RUN(tests, end);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping recordings: which are kept, under what name, and how many.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "fsm/fsm.h"
#include "shim/config.h"
#include "shim/keep.h"
#include "shim/recorder.h"

static char bundle[64], file[96], kept[96];
static char no_place[] = "/dev/null/kept";
static struct config config;

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(bundle, "/tmp/chock-keep-XXXXXX");
	assert_non_null(mkdtemp(bundle));
	(void)snprintf(file, sizeof(file), "%s/" RECORDER_FILE, bundle);
	(void)snprintf(kept, sizeof(kept), "%s/a/kept", bundle);
	config = (struct config){
		.keep = CONFIG_KEEP_FAILED,
		.keep_dir = kept,
		.keep_files = 32,
		.keep_size = 1 << 20,
	};
	return 0;
}

/* Runs f on each file that was kept; returns how many there are. */
static size_t
for_each_kept(void (*f)(int dir, const char *name))
{
	DIR *dir = opendir(kept);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		if (f)
			f(dirfd(dir), entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

static void
remove_kept(int dir, const char *name)
{
	assert_int_equal(unlinkat(dir, name, 0), 0);
}

static int
teardown(void **state)
{
	char parent[96];

	(void)state;
	(void)for_each_kept(remove_kept);
	(void)snprintf(parent, sizeof(parent), "%s/a", bundle);
	(void)rmdir(kept);
	(void)rmdir(parent);
	(void)unlink(file);
	assert_int_equal(rmdir(bundle), 0);
	return 0;
}

static void
record(const struct record *records, size_t n)
{
	struct recorder *r;
	struct err err;

	assert_int_equal(recorder_open(file, 4096, "ns", "id", &r, &err), 0);
	for (size_t i = 0; i < n; i++)
		recorder_add(r, &records[i]);
	recorder_close(r);
}

static const struct record running = { .kind = RECORD_INIT,
	.from = FSM_INIT_STARTING,
	.next = FSM_INIT_RUNNING,
	.event = FSM_INIT_EV_OP_OK };
static const struct record deleted = { .kind = RECORD_INIT,
	.from = FSM_INIT_DELETING,
	.next = FSM_INIT_DELETED,
	.event = FSM_INIT_EV_OP_OK };
/* The same number is another state in the exec machine. */
static const struct record exec_step = {
	.kind = RECORD_EXEC, .process = 1, .next = FSM_INIT_DELETED
};

static void
keep(void)
{
	keep_recording(&config, bundle, "ns", "id");
}

static void
test_what_is_kept(void **state)
{
	const struct record bug = { .kind = RECORD_INIT, .step = FSM_BUG };
	const struct record exec_bug = {
		.kind = RECORD_EXEC, .process = 1, .step = FSM_BUG
	};
	const struct record rule_bug = { .kind = RECORD_RULE, .step = 1 };
	const struct record name = {
		.kind = RECORD_NAME, .process = 1, .step = FSM_BUG
	};
	const struct record refused = { .kind = RECORD_INIT,
		.step = FSM_REJECT };
	const struct {
		const char *what;
		struct record records[2];
		size_t n, kept;
	} cases[] = {
		{ "nothing was recorded", { running }, 0, 0 },
		{ "deleted in good order", { running, deleted }, 2, 0 },
		{ "never deleted", { running, running }, 2, 1 },
		{ "an exec is not the container", { running, exec_step }, 2,
		    1 },
		{ "a bug of init", { bug, deleted }, 2, 1 },
		{ "a bug of an exec", { exec_bug, deleted }, 2, 1 },
		{ "a bug of the rule", { rule_bug, deleted }, 2, 1 },
		{ "a name has no step", { name, deleted }, 2, 0 },
		{ "a refusal is no bug", { refused, deleted }, 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record(cases[i].records, cases[i].n);
		keep();
		size_t n = for_each_kept(remove_kept);
		if (n != cases[i].kept)
			fail_msg("%s: kept %zu", cases[i].what, n);
	}
}

static void
check_copy(int dir, const char *name)
{
	char *copy, *original, want[64];
	size_t copy_len, len;
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	(void)snprintf(
	    want, sizeof(want), "ns-id-%lld.rec", (long long)st.st_ctim.tv_sec);
	assert_string_equal(name, want);
	assert_int_equal(fstatat(dir, name, &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(
	    file_read(AT_FDCWD, file, 1 << 20, &original, &len), 0);
	assert_int_equal(file_read(dir, name, 1 << 20, &copy, &copy_len), 0);
	assert_int_equal(len, copy_len);
	assert_memory_equal(copy, original, len);
	free(copy);
	free(original);
}

static void
test_the_copy(void **state)
{
	struct stat st;

	(void)state;
	record(&running, 1);
	keep();
	keep();
	assert_int_equal(for_each_kept(check_copy), 1);
	assert_int_equal(stat(kept, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
}

static void
put(const char *name, time_t at)
{
	char path[128];
	const struct timespec times[2] = { { .tv_sec = at }, { .tv_sec = at } };

	(void)snprintf(path, sizeof(path), "%s/%s", kept, name);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "x", 1, 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool
is_there(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", kept, name);
	return access(path, F_OK) == 0;
}

static void
test_the_oldest_goes(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(dir_make_all(kept, 0700), 0);
	put("not-ours", 1);
	/* the oldest is neither the first nor the last of them */
	for (int i = 0; i < (int)config.keep_files; i++) {
		(void)snprintf(name, sizeof(name), "n-%d.rec", i);
		put(name, i == 7 ? 1000 : 2000 + i);
	}
	record(&running, 1);
	keep();
	assert_int_equal(for_each_kept(NULL), (int)config.keep_files + 1);
	assert_false(is_there("n-7.rec"));
	assert_true(is_there("n-0.rec"));
	assert_true(is_there("not-ours"));
	/* what is there already needs no room */
	keep();
	assert_true(is_there("n-0.rec"));
	assert_int_equal(for_each_kept(NULL), (int)config.keep_files + 1);
}

static void
test_more_than_the_bound(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(dir_make_all(kept, 0700), 0);
	for (int i = 0; i < (int)config.keep_files + 5; i++) {
		(void)snprintf(name, sizeof(name), "n-%d.rec", i);
		put(name, 1000 + i);
	}
	record(&running, 1);
	keep();
	assert_int_equal(for_each_kept(NULL), (int)config.keep_files);
	assert_false(is_there("n-5.rec"));
	assert_true(is_there("n-6.rec"));
}

static void
test_policy(void **state)
{
	(void)state;
	record(&deleted, 1);
	keep();
	assert_int_equal(for_each_kept(NULL), 0);
	config.keep = CONFIG_KEEP_ALWAYS;
	keep();
	assert_int_equal(for_each_kept(NULL), 1);
	(void)for_each_kept(remove_kept);
	record(&running, 1);
	config.keep = CONFIG_KEEP_NEVER;
	keep();
	assert_int_equal(for_each_kept(NULL), 0);
	config.keep = CONFIG_KEEP_ALWAYS;
	config.keep_size = 100;
	keep();
	assert_int_equal(for_each_kept(NULL), 0);
}

static void
test_no_recording(void **state)
{
	(void)state;
	keep();
	assert_int_equal(file_write_atomic(AT_FDCWD, file, "text", 4, 0600), 0);
	keep();
	assert_int_equal(for_each_kept(NULL), 0);
	assert_int_equal(access(kept, F_OK), -1);
}

/* It is said in the log, and nothing else happens. */
static void
test_no_place(void **state)
{
	char line[512] = "";
	int log[2];

	(void)state;
	record(&running, 1);
	assert_int_equal(pipe(log), 0);
	log_init(log[1], LOG_LEVEL_WARN, NULL);
	config.keep_dir = no_place;
	keep_recording(&config, bundle, "ns", "id");
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	assert_true(read(log[0], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "cannot keep "));
	assert_non_null(strstr(line, "Not a directory"));
	(void)close(log[0]);
	(void)close(log[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_kept),
		TEST(test_the_copy),
		TEST(test_the_oldest_goes),
		TEST(test_more_than_the_bound),
		TEST(test_policy),
		TEST(test_no_recording),
		TEST(test_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

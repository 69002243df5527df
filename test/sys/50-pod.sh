# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Several containers in one shim, by annotation.

POD_KEY=io.kubernetes.cri.sandbox-id

pod() {
	local i
	events_start ev
	for i in 1 2 3; do
		run_idle "pod$i" --annotation "$POD_KEY=pod1"
	done
	run_idle alone
	[ "$(shim_count)" = 2 ] || fail "$(shim_count) shims, not 2"
	for i in 1 2 3; do
		expect_status "$i" c task exec --exec-id "e$i" "pod$i" \
			sh -c "exit $i"
	done
	# The first to come is not the last to go.
	remove pod1
	is_status pod2 RUNNING
	expect_status 0 c task exec --exec-id again pod2 true
	remove pod3 alone pod2
	wait_for 20 is_shim_count 0
	wait_for 20 events_are delete 4
	# shellcheck disable=SC2046
	events_check --exits 8 $(execs_first)
	events_stop
}

# A member may come and go while others stay, under the same id.
pod_churn() {
	local i
	run_idle keeper --annotation "$POD_KEY=pod2"
	for i in 1 2 3 4; do
		run_idle guest --annotation "$POD_KEY=pod2"
		[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
		remove guest
	done
	is_status keeper RUNNING
	remove keeper
}

sys_test core "pod: three containers in one shim" pod
sys_test full "pod: members come and go" pod_churn

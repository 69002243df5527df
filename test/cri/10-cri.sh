# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The functions are in tests.py.

cri_test() {
	$PYTHON "$SUITE/tests.py" "$1"
}

sys_test core "cri: a pod and its container, from first to last" "cri_test life"
sys_test core "cri: a runtime handler with options" "cri_test handler"
sys_test core "cri: options under our own name" "cri_test handler_own"
sys_test core "cri: three containers in one shim" "cri_test three"
sys_test core "cri: a container that cannot start" "cri_test start_error"
sys_test core "cri: the pause container is killed" "cri_test sandbox_dies"
sys_test core "cri: a shared pid namespace" "cri_test shared_pids"
sys_test core "cri: stop in time and too late" "cri_test stop"
sys_test core "cri: ExecSync, output and codes" "cri_test exec_sync"
sys_test core "cri: ExecSync with a timeout" "cri_test exec_timeout"
sys_test core "cri: ExecSync with a timeout and a child" \
	"cri_test exec_timeout_child"
sys_test core "cri: 100 ExecSync at once" "cri_test exec_many"
sys_test full "cri: exec probes" "cri_test probes"
sys_test core "cri: init killed among execs" "cri_test exec_race"
sys_test core "cri: Exec streams" "cri_test stream"
sys_test core "cri: Exec with a terminal and its size" "cri_test stream_tty"
sys_test core "cri: Attach, twice" "cri_test attach"
sys_test core "cri: Attach to a terminal" "cri_test attach_tty"
sys_test core "cri: a log is rotated under load" "cri_test log"
sys_test core "cri: statistics" "cri_test stats"
sys_test core "cri: UpdateContainerResources" "cri_test update"
sys_test core "cri: OOMKilled" "cri_test oom"
sys_test core "cri: containerd is killed, the pod lives on" "cri_test restart"
sys_test core "cri: exits while containerd is away" "cri_test restart_exit"
sys_test full "cri: output through a restart" "cri_test restart_log"
sys_test core "cri: the pause container ends meanwhile" \
	"cri_test restart_sandbox"
sys_test core "cri: containerd is killed while it stops" "cri_test restart_stop"
sys_test core "cri: containerd is killed while it starts" \
	"cri_test restart_start"
sys_test core "cri: 20 pods at once" "cri_test pods"
sys_test core "cri: a pod of 30 containers is stopped" "cri_test thirty"

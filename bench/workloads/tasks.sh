# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # run sets and calls what is here
# tasks - the word count with many counters: 64 tasks in one process, and 64 processes. A tuple
# is a line or a word. SPDX-License-Identifier: Apache-2.0

task_rounds=$(((rounds + 3) / 4))
task_lines=$((task_rounds * text_lines))
sed '/"id": "count"/s/"parallelism": "[^"]*"/"numTasks": 64/' "$bench/wordcount.json" >"$work/64-tasks.json"
sed '/"id": "count"/s/"parallelism": "[^"]*"/"parallelism": 64/' "$bench/wordcount.json" >"$work/64-executors.json"

run_limit() {
	bare limit -n 64 "$text" $task_lines
	said_line $task_lines
}

count_with() {
	gale "$1" -D input="$text" -D repeat=$task_rounds
	counted $task_lines
}

run_one() { count_with "$bench/wordcount.json"; }
run_tasks() { count_with "$work/64-tasks.json"; }
run_executors() { count_with "$work/64-executors.json"; }

workload=64-tasks
alternate one tasks
result one 'gale, 1 task' at-least-once
result tasks 'gale, 64 tasks' at-least-once
goal '64 tasks in one executor : one task' "$(ratio "$(of tasks 1)" "$(of one 1)")" '' least 0.9
workload=64-executors
alternate limit executors
result limit 'bare, 64 ways' at-least-once limit
result executors gale at-least-once limit
goal '64 executors : the bare pipeline with 64 ways' "$(ratio "$(of executors 1)" "$(of limit 1)")" \
	'' least 0.8
